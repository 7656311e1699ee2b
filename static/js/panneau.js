// The booking form beside the agenda: a click or Enter on a free place opens it there, the same form that the place's own
// address shows as a page. Narrow screens, other windows and browsers without script go to that page.

import { annoncer } from "./annonces.js";
import { flux } from "./flux.js";
import { preparer } from "./fragments.js";
import { decorer } from "./horloge.js";
import { adresseConnexion } from "./masque.js";
import { choisir, reprendrePlace } from "./place.js";
import { commencer } from "./recap.js";

const LARGE = "(min-width: 62em)";
const LIEN = "[data-grille] a.place, [data-grille] .rdv[data-etat=option] a.case, a[data-nouveau]";
const panneau = document.getElementById("panneau");
/** What opened the panel, to be found again when it closes: the link itself may have been laid anew. */
let origine = "";
let enCours = false;
/** When Escape was first pressed over something typed: the second one abandons it. */
let prevenu = -Infinity;
const PATIENCE = 6000;
const DU_LIEU = ["guichet", "jour", "du", "au"];

/** True when something was typed besides the place, which the grid gave. */
function saisieEnCours() {
  return [...(formulaire()?.elements ?? [])].some((e) => e.name && !DU_LIEU.includes(e.name) && !/^(hidden|submit)$/.test(e.type)
    && (/^(radio|checkbox)$/.test(e.type) ? e.checked !== e.defaultChecked
      : e instanceof HTMLSelectElement ? e.selectedIndex > 0 && !e.selectedOptions[0].defaultSelected : e.value !== (e.defaultValue ?? "")));
}

const formulaire = () => panneau.querySelector("#prise");
const lienDe = (adresse) => [...document.querySelectorAll("[data-grille] a.place, [data-nouveau]")]
  .find((a) => a.getAttribute("href") === adresse && !a.hidden);

/** Of the place that is in the form, in the grid. */
function lieu() {
  const { guichet, jour, du } = formulaire()?.elements ?? {};
  return du?.value && guichet.value && jour.value ? `${guichet.value} ${jour.value} ${du.value}` : "";
}

function lieuDuLien(a) {
  const p = new URL(a.getAttribute("href"), location.href).searchParams;
  return `${p.get("guichet")} ${p.get("jour")} ${p.get("heure")}`;
}

/** The place being filled is marked, on the live grid and on one about to be laid. */
function marquer(racine) {
  const voulu = lieu();
  for (const a of racine.querySelectorAll("[data-grille] a.place")) {
    const choisie = voulu !== "" && lieuDuLien(a) === voulu;
    if (a.hasAttribute("data-choisie") !== choisie) a.toggleAttribute("data-choisie", choisie);
  }
}

/** Whether the session was seen to end: its form's token is then another one's. */
let sessionPerdue = false;

/** Sign in elsewhere: here, the form would be lost. */
function ailleurs(a) {
  a.target = "_blank";
  a.rel = "noopener";
  a.title = "Se reconnecter – nouvelle fenêtre";
}

/** Say it at the top of the panel, wherever it is scrolled. `focus`: where the eyes must go, as to a refusal. */
function dire(titre, texte, { lien = "", suite = "", focus = false } = {}) {
  const bloc = document.createElement("div");
  bloc.className = "fr-alert fr-alert--error fr-alert--sm fr-mb-2w";
  bloc.setAttribute("role", "alert");
  bloc.dataset.panneauDit = "";
  const p = document.createElement("p");
  p.textContent = `${titre} ${texte}`;
  if (lien) {
    const a = document.createElement("a");
    a.href = adresseConnexion();
    a.textContent = lien;
    ailleurs(a);
    p.append(" ", a, " ", suite);
  }
  bloc.append(p);
  panneau.querySelector("[data-panneau-dit]")?.remove();
  const barre = panneau.querySelector(".panneau__barre");
  if (barre) barre.after(bloc);
  else panneau.prepend(bloc);
  if (!focus || panneau.hidden) return;
  bloc.tabIndex = -1;
  panneau.scrollTop = 0;
  bloc.focus({ preventScroll: true });
  bloc.scrollIntoView({ block: "nearest" });
}

/** Signed in again in another tab: the form takes the token of that session. */
async function reprendreSession() {
  const page = await fetch(formulaire().action + "/nouveau", { headers: { accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(15_000) });
  const lue = new DOMParser().parseFromString(await page.text(), "text/html").querySelector('meta[name="csrf"]')?.content;
  if (!page.ok || page.redirected || !lue) return;
  sessionPerdue = false;
  document.querySelector('meta[name="csrf"]').content = lue;
  for (const e of document.querySelectorAll('input[name="_csrf"]')) e.value = lue;
}

/** Lay what the server answered: the form, or the booking made. False when it is neither. */
function poser(html) {
  const neuf = new DOMParser().parseFromString(html, "text/html").querySelector("[data-prise], [data-prise-finie]");
  if (!neuf) return false;
  const ancienne = panneau.querySelector("[data-flux]");
  if (ancienne) flux.quitter(ancienne);
  const fermer = document.createElement("button");
  fermer.type = "button";
  fermer.className = "fr-btn fr-btn--tertiary-no-outline fr-btn--sm fr-icon-close-line panneau__fermer";
  fermer.textContent = "Fermer le formulaire";
  fermer.title = "Fermer le formulaire (Échap)";
  fermer.addEventListener("click", fermerPanneau);
  const barre = document.createElement("div");
  barre.className = "panneau__barre";
  barre.append(fermer);
  panneau.replaceChildren(barre, document.adoptNode(neuf));
  decorer(panneau);
  panneau.hidden = false;
  const region = panneau.querySelector("[data-flux]");
  if (region) flux.adopter(region);
  reprendrePlace();
  marquer(document);
  const dit = panneau.querySelector("[data-focus]");
  if (dit) dit.focus();
  else if (formulaire()) commencer();
  return true;
}

async function demander(adresse, options = {}) {
  let reponse;
  try {
    reponse = await fetch(adresse, {
      ...options,
      headers: { accept: "text/html", "x-fragment": "1", ...options.headers },
      cache: "no-store", signal: AbortSignal.timeout(15_000),
    });
    if (poser(await reponse.text())) return true;
  } catch {
    dire("Le serveur ne répond pas.", "Votre saisie est conservée : réessayez.", { focus: true });
    return false;
  }
  const session = reponse.status === 401 || reponse.redirected;
  if (session) {
    sessionPerdue = true;
    flux.rompre("session"); // now, not under the code of a booking made once signed in again
    dire("Votre session est terminée.", "Rien n’a été enregistré. Votre saisie reste ici tant que cet onglet est ouvert :", {
      lien: "Se reconnecter", suite: "dans un nouvel onglet, puis revenez ici et enregistrez.", focus: true,
    });
  } else {
    dire("Cette demande n’a pas pu être traitée.", "Rien n’a été enregistré ; votre saisie est conservée : réessayez.", { focus: true });
  }
  return false;
}

async function ouvrir(a) {
  const adresse = a.getAttribute("href");
  origine = adresse;
  if (formulaire()) { // what is typed stays: only the place changes
    const p = new URL(adresse, location.href).searchParams;
    choisir({ guichet: p.get("guichet") ?? undefined, jour: p.get("jour") ?? undefined, heure: p.get("heure") ?? undefined });
    marquer(document);
    annoncer("Place changée dans le formulaire ouvert");
    commencer();
    return;
  }
  if (enCours) return;
  enCours = true;
  a.setAttribute("aria-busy", "true");
  if (panneau.hidden) panneau.replaceChildren();
  const ouvert = await demander(adresse);
  a.removeAttribute("aria-busy");
  enCours = false;
  if (!ouvert && panneau.hidden) location.assign(adresse); // the page says what is the matter
}

function fermerPanneau() {
  const region = panneau.querySelector("[data-flux]");
  if (region) flux.quitter(region);
  const pris = panneau.querySelector("[data-rdv-pris]")?.dataset.rdvPris;
  panneau.hidden = true;
  panneau.replaceChildren();
  marquer(document);
  const retour = (pris && document.querySelector(`[data-rdv="${CSS.escape(pris)}"] .case`)) || lienDe(origine)
    || document.querySelector('[data-grille] .case[tabindex="0"]') || document.querySelector("[data-nouveau]");
  retour?.focus();
}

async function envoyer(form, bouton) {
  if (enCours) return;
  enCours = true;
  const region = panneau.querySelector("[data-flux]");
  if (region) flux.quitter(region); // what this form books is no news to it
  if (sessionPerdue || flux.arret === "session") await reprendreSession().catch(() => {}); // the request itself says what is the matter
  const donnees = new URLSearchParams(bouton?.name ? new FormData(form, bouton) : new FormData(form));
  for (const b of panneau.querySelectorAll("button")) b.setAttribute("aria-disabled", "true");
  const pose = await demander(form.action, {
    method: "POST", body: donnees,
    headers: { "x-csrf-token": document.querySelector('meta[name="csrf"]')?.content ?? "" },
  });
  enCours = false;
  if (pose) {
    flux.apresAction();
    return;
  }
  for (const b of panneau.querySelectorAll("button")) b.removeAttribute("aria-disabled");
  if (region) flux.adopter(region);
}

const plus = document.querySelector("[data-outils-plus]");
if (plus) {
  const large = matchMedia(LARGE);
  const regler = () => { plus.open = large.matches; };
  regler();
  large.addEventListener("change", regler);
  document.addEventListener("keydown", (e) => { // the search that « / » goes to is in it
    if (e.key === "/" && !e.target.closest?.("input, textarea, select")) plus.open = true;
  }, { capture: true });
}

if (panneau) {
  // The page's own « Se reconnecter » (state line, masked grid) would lose the form as well.
  document.addEventListener("click", (e) => {
    const a = e.target.closest?.("a");
    if (a && formulaire() && a.getAttribute("href") === adresseConnexion()) ailleurs(a);
  }, { capture: true });
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || !matchMedia(LARGE).matches) return;
    const a = e.target.closest?.(LIEN);
    if (a) {
      e.preventDefault();
      ouvrir(a);
    } else if (e.target.closest?.("#panneau [data-abandonner]")) {
      if (flux.arret) return; // the grid was masked meanwhile: the link brings a new one
      e.preventDefault();
      fermerPanneau();
    }
  });
  document.addEventListener("submit", (e) => {
    if (e.target !== formulaire()) return;
    e.preventDefault();
    envoyer(e.target, e.submitter);
  });
  panneau.addEventListener("keydown", (e) => {
    if (e.key !== "Escape" || e.defaultPrevented) return;
    e.preventDefault();
    if (!saisieEnCours() || performance.now() - prevenu < PATIENCE) {
      fermerPanneau();
      return;
    }
    prevenu = performance.now(); // a list that is open takes Escape too: what is typed is not lost for one key
    dire("Votre saisie serait perdue.", "Appuyez de nouveau sur Échap pour abandonner.");
  });
  panneau.addEventListener("input", () => marquer(document));
  preparer((neuf) => marquer(neuf));
}
