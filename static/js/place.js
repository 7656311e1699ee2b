// The place chosen in an open booking form, followed live: taken by somebody else, it is said at once, with what is free
// nearby; free again, too. The fields lead: another guichet, date or hour is another place to follow.

import { annoncer } from "./annonces.js";
import { flux } from "./flux.js";

const CHAMPS = { jour: "jour", guichet: "guichet", heure: "du", fin: "au", motif: "motif", type: "type" };
const DELAI = 300;
let minuteur = 0;

const region = () => document.getElementById("place");
const formulaire = () => document.getElementById("prise");
const etatDe = (e) => e?.querySelector("[data-place]")?.dataset.place ?? "aucune";

/** The region's address for what the fields now say. */
function adresse() {
  const base = new URL(region().dataset.fragment, location.href);
  const parametres = new URLSearchParams();
  for (const [nom, champ] of Object.entries(CHAMPS)) {
    const { value } = formulaire().elements[champ] ?? {};
    if (value) parametres.set(nom, value.slice(0, 20));
  }
  return `${base.pathname}?${parametres}`;
}

let suivie = "";
let etat = "aucune";

/** What was seen free, then taken, has just been taken; what was taken from the start is taken. */
function noter() {
  const vue = document.querySelector("[data-place-zone]")?.classList;
  if (etat === "libre" || etat === "hors") vue?.add("place-vue");
}

function suivre() {
  if (!region() || !formulaire()) return;
  const voulue = adresse();
  if (region().dataset.fragment === voulue) return;
  region().dataset.fragment = voulue;
  flux.redemander(region());
}

/** « De nouveau libre », under the fields' eyes, until something else happens. */
function direLibre() {
  const zone = document.querySelector("[data-place-zone]");
  zone.classList.remove("place-dite");
  const p = document.createElement("p");
  p.className = "fr-message fr-message--valid fr-mb-2w";
  p.dataset.placeLibre = "";
  p.textContent = "Ce créneau est de nouveau libre.";
  zone.after(p);
  annoncer(p.textContent);
}

document.addEventListener("flux:change", (e) => {
  if (e.detail.element !== region()) return;
  const avant = etat;
  etat = etatDe(region());
  const meme = suivie === region().dataset.fragment;
  suivie = region().dataset.fragment;
  if (avant !== etat || !meme) document.querySelector("[data-place-libre]")?.remove();
  if (!meme) document.querySelector("[data-place-zone]").classList.remove("place-dite", "place-vue");
  noter();
  if (meme && avant === "prise" && etat !== "prise") direLibre();
  if (avant !== "prise" && etat === "prise") document.getElementById("panneau")?.scrollIntoView({ block: "nearest" });
  suivre(); // the fields may have changed while it was on its way
});

document.addEventListener("input", (e) => {
  if (!e.target.form || e.target.form !== formulaire() || !Object.values(CHAMPS).includes(e.target.name)) return;
  clearTimeout(minuteur);
  minuteur = setTimeout(suivre, DELAI);
});

/** Put a place in the form, as if it had been typed. */
export function choisir({ guichet, jour, heure }) {
  const { elements } = formulaire();
  const valeurs = { guichet, jour, du: heure, au: "" };
  for (const [nom, valeur] of Object.entries(valeurs)) {
    if (valeur === undefined || valeur === null) continue;
    elements[nom].value = valeur;
    elements[nom].dispatchEvent(new Event("input", { bubbles: true }));
  }
}

document.addEventListener("click", (e) => {
  const bouton = e.target.closest?.("button[data-choix]");
  if (!bouton) return;
  e.preventDefault();
  const { guichet, heure } = bouton.dataset;
  const mot = bouton.textContent.trim();
  choisir({ guichet, heure });
  annoncer(`Place choisie : ${mot}. Votre saisie est conservée.`);
  formulaire().elements.du.focus();
});

// What this form books is no news to it: once sent, it follows its place no more.
document.addEventListener("submit", (e) => {
  if (e.target === formulaire() && !e.defaultPrevented && region()) flux.quitter(region());
});

/** A form has come, or has left: start again from what it shows. */
export function reprendrePlace() {
  etat = etatDe(region());
  suivie = region()?.dataset.fragment ?? "";
  noter();
  if (region()) suivre();
}

reprendrePlace();
