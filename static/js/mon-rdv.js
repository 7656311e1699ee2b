// One's own rendez-vous, kept true while its page is open. Its state is nobody else's: no public feed carries it, and its
// address is a secret that no socket is given. The page asks for its live part again, every few seconds on the day itself,
// and is answered « not modified » nearly always. It says since when it knows nothing when it cannot.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { annoncer } from "./annonces.js";
import { heure, maintenant } from "./horloge.js";

/** Longest wait for an answer, and the wait before asking again when there was none, in milliseconds. */
const DELAI = 4000;
const REPRISE = 3000;
/** Ticks made together are sent together. */
const REGROUPEMENT = 400;

const page = () => document.getElementById("mon-rdv");
const ligne = document.querySelector("[data-mon-rdv-etat]");

let minuteur = 0;
let enVol = null;
let donneesDe = maintenant();
let echecs = 0;

// --- The documents that are ready -----------------------------------------------------------------------------------

let attente = 0;
let envois = 0;
let aEnvoyer = null;

const formulaire = () => document.querySelector("form[data-documents]");

function compter({ prets, sur }) {
  const f = formulaire();
  if (!f) return;
  const place = f.querySelector("[data-prets]");
  place.classList.remove("a-cocher__prets--echec");
  place.textContent = f.dataset.pretsMot.replace("{prets}", prets).replace("{sur}", sur);
}

async function envoyer(dernier = false) {
  const corps = aEnvoyer;
  if (!corps) return;
  clearTimeout(attente);
  attente = 0;
  aEnvoyer = null;
  envois += 1;
  try {
    const reponse = await fetch(corps.url, {
      method: "POST", body: corps.champs, headers: { accept: "application/json" }, keepalive: dernier,
      signal: dernier ? undefined : AbortSignal.timeout(2 * DELAI),
    });
    if (reponse.redirected) location.assign(reponse.url); // the few minutes of a proof are over
    else if (reponse.status === 409) demander();
    else if (!reponse.ok) throw new Error(`HTTP ${reponse.status}`);
    else if (!aEnvoyer) compter(await reponse.json());
  } catch {
    const f = formulaire();
    const place = f?.querySelector("[data-prets]");
    if (place && !dernier) {
      place.classList.add("a-cocher__prets--echec");
      place.textContent = f.dataset.echec;
      f.querySelector("[data-documents-enregistrer]").hidden = false;
    }
  } finally {
    envois -= 1;
  }
}

function cocher(f) {
  aEnvoyer = { url: f.action, champs: new URLSearchParams(new FormData(f)) };
  clearTimeout(attente);
  attente = setTimeout(() => envoyer(), REGROUPEMENT);
}

/** With a script each tick is kept by itself: the button is for who has none, and for an answer that did not come. */
function preparer() {
  const bouton = formulaire()?.querySelector("[data-documents-enregistrer]");
  if (bouton) bouton.hidden = true;
}

// --- The live part --------------------------------------------------------------------------------------------------

function dire(etat) {
  const mot = ligne.querySelector(".direct__mot");
  if (ligne.dataset.direct === etat && etat !== "perdu") return;
  ligne.dataset.direct = etat;
  mot.textContent = etat === "perdu"
    ? ligne.dataset.motPerdu.replace("{heure}", heure(donneesDe, page().dataset.zone)) : ligne.dataset.motDirect;
}

function poser(texte) {
  const neuf = new DOMParser().parseFromString(texte, "text/html").getElementById("mon-rdv");
  if (!neuf) throw new Error("no region in the answer");
  if (aEnvoyer || envois) return; // what was just ticked is not what it says yet
  const avant = page().querySelector("[data-dire]")?.textContent.trim();
  for (const b of neuf.querySelectorAll("[data-imprimer]")) b.hidden = false;
  const bouton = neuf.querySelector("[data-documents-enregistrer]");
  if (bouton) bouton.hidden = true;
  Idiomorph.morph(page(), neuf, { morphStyle: "outerHTML" });
  const apres = page().querySelector("[data-dire]")?.textContent.replace(/\s+/g, " ").trim();
  if (apres && apres !== avant?.replace(/\s+/g, " ")) annoncer(apres);
}

async function demander() {
  clearTimeout(minuteur);
  if (enVol || document.hidden) return;
  enVol = new AbortController();
  let suite = REPRISE;
  try {
    const zone = page();
    const reponse = await fetch(zone.dataset.fragment, {
      headers: { accept: "text/html", "if-none-match": `"${zone.dataset.etag}"`, "x-fragment": "1" }, cache: "no-store",
      signal: AbortSignal.any([enVol.signal, AbortSignal.timeout(DELAI)]),
    });
    if (reponse.redirected) {
      location.assign(reponse.url);
      return;
    }
    if (reponse.status === 200) poser(await reponse.text());
    else if (reponse.status !== 304) throw new Error(`HTTP ${reponse.status}`);
    donneesDe = maintenant();
    echecs = 0;
    dire("direct");
    suite = Number(page().dataset.rythme) * 1000;
  } catch {
    echecs += 1;
    dire("perdu");
    suite = Math.min(REPRISE * 2 ** Math.min(echecs - 1, 3), 20_000);
  } finally {
    enVol = null;
  }
  programmer(suite);
}

/** Spread by a fifth: pages opened together do not ask together. */
function programmer(delai) {
  clearTimeout(minuteur);
  if (delai > 0 && !document.hidden) minuteur = setTimeout(demander, delai * (0.9 + Math.random() / 5));
}

if (page() && ligne) {
  preparer();
  document.addEventListener("change", (e) => {
    const f = e.target.closest("form[data-documents]");
    if (f) cocher(f);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(minuteur);
    else demander();
  });
  addEventListener("pagehide", () => envoyer(true));
  addEventListener("pageshow", (e) => { if (e.persisted) demander(); });
  addEventListener("online", demander);
  addEventListener("offline", () => dire("perdu"));
  dire("direct");
  programmer(Number(page().dataset.rythme) * 1000);
}
