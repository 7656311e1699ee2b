// The booking form beside the agenda: a click or Enter on a free place opens it there, the same form that the place's own
// address shows as a page. Narrow screens, other windows and browsers without script go to that page.

import { annoncer } from "./annonces.js";
import { flux } from "./flux.js";
import { preparer } from "./fragments.js";
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

function dire(titre, texte, lien) {
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
    p.append(" ", a);
  }
  bloc.append(p);
  panneau.querySelector("[data-panneau-dit]")?.remove();
  panneau.prepend(bloc);
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
  panneau.replaceChildren(document.adoptNode(neuf), fermer);
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
    dire("Le serveur ne répond pas.", "Votre saisie est conservée : réessayez.");
    return false;
  }
  const session = reponse.status === 401 || reponse.redirected;
  dire(session ? "Votre session est terminée." : "Cette demande n’a pas pu être traitée.",
    "Rien n’a été enregistré ; votre saisie est conservée.", session ? "Se reconnecter" : "");
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

if (panneau) {
  document.addEventListener("click", (e) => {
    if (e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || !matchMedia(LARGE).matches) return;
    const a = e.target.closest?.(LIEN);
    if (a) {
      e.preventDefault();
      ouvrir(a);
    } else if (e.target.closest?.("#panneau [data-abandonner]")) {
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
