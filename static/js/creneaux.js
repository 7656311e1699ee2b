// The public choice of an hour, live: a créneau taken by somebody else fades with its reason, a freed one comes back.
// The page ships, for each start, the eligible guichets and what occupies them: frames need no request.

import { annoncer } from "./annonces.js";
import { preparer, register } from "./flux.js";
import { heure } from "./horloge.js";
import { mot, nombre } from "./mots.js";
import { registerEsquisse } from "./registre.js";

/** Changes said together, at most once in that time, in milliseconds. */
const REGROUPEMENT = 1500;

const region = document.querySelector('#creneaux[data-flux^="creneaux:"]');
const minutes = (iso) => Math.round(Date.parse(iso) / 60000);

let donnees;
let muet = false;
let minuteur = 0;
/** The hour that had the focus when a fragment came, in minutes, or null. */
let focusAvant = null;
const nouvelles = { pris: new Set(), rendus: new Set() };

function charger() {
  donnees = JSON.parse(region.querySelector("[data-creneaux]").textContent);
}

const croise = ([debut, fin], m) => debut < m + donnees.duree && fin > m;

/** True when one of the eligible guichets has nothing in the way. */
const estLibre = ([m, guichets]) => guichets.some((g) => !(donnees.occupations[g] ?? []).some((o) => croise(o, m)));

function occuper(guichet, debut, fin) {
  (donnees.occupations[guichet] ??= []).push([debut, fin]);
}

function liberer(guichet, debut, fin) {
  const reste = [];
  for (const [d, f] of donnees.occupations[guichet] ?? []) {
    if (f <= debut || d >= fin) reste.push([d, f]);
    if (d < debut && f > debut) reste.push([d, debut]);
    if (f > fin && d < fin) reste.push([fin, f]);
  }
  donnees.occupations[guichet] = reste;
}

const estMien = (guichet, debut, fin) => {
  const o = donnees.option;
  return o && o.guichet === guichet && o.debut === debut && o.fin === fin;
};

/** True when a frame of another place leaves the choice of place as it is: later than its first free créneau. */
function estSansEffet({ sujet, debut }) {
  const limite = donnees.ailleurs[sujet];
  return Number.isInteger(limite) && minutes(debut) >= limite;
}

/** Paint a place taken or freed; false when it is of another place than the one shown. */
function peindreTrame(trame, element) {
  if (element !== region || (donnees.sujet && trame.sujet !== donnees.sujet)) return false;
  const [debut, fin] = [minutes(trame.debut), minutes(trame.fin)];
  if (estMien(trame.guichet, debut, fin)) return true;
  if (trame.type === "creneau.pris") occuper(trame.guichet, debut, fin);
  else liberer(trame.guichet, debut, fin);
  peindre();
  return true;
}

function surTrame(trame, element) {
  if (element !== region) return false;
  if (donnees.sujet && trame.sujet !== donnees.sujet) return estSansEffet(trame);
  // One's own rendez-vous has left its place: the hour that is not offered is now another one.
  if (donnees.rdv && estMien(trame.guichet, minutes(trame.debut), minutes(trame.fin))) return false;
  const premier = region.querySelector("[data-premier]")?.textContent;
  peindreTrame(trame, element);
  if (donnees.relire) return false; // so many a day: what was taken elsewhere in the day may close it
  // The choice of place shows the first free créneau of each, the earliest first.
  return !donnees.sujet || region.querySelector("[data-premier]")?.textContent === premier;
}

function peindreHeure(bouton, libre) {
  const avant = bouton.dataset.libre === "1";
  if (avant === libre) return;
  bouton.dataset.libre = libre ? "1" : "0";
  if (libre) bouton.removeAttribute("data-vient");
  else if (!muet) bouton.setAttribute("data-vient", "");
  const focus = bouton === document.activeElement;
  const m = Number(bouton.dataset.m);
  bouton.disabled = !libre;
  if (focus && !libre) deplacerFocus(m);
  retenir(m, libre);
}

/** To be said with the others of the moment; what came back before it was said is not. */
function retenir(m, libre) {
  const [vers, autre] = libre ? [nouvelles.rendus, nouvelles.pris] : [nouvelles.pris, nouvelles.rendus];
  if (!autre.delete(m)) vers.add(m);
}

/** The hour `m`, under the focus, was taken: go to the next free one, else the previous, else the day's title. */
function deplacerFocus(m) {
  const libres = [...region.querySelectorAll('.creneau[data-libre="1"]')];
  const cible = libres.find((b) => Number(b.dataset.m) > m) ?? libres.at(-1) ?? region.querySelector("[data-heures-titre]");
  cible?.focus();
}

function peindreJour(lien, libres) {
  if (Number(lien.dataset.libres) === libres) return;
  lien.dataset.libres = String(libres);
  lien.querySelector("[data-jour-mot]").textContent = libres ? nombre(libres, "{n} libre", "{n} libres") : mot("complet");
  if (libres) {
    lien.setAttribute("href", donnees.jours[lien.dataset.jour].url);
    lien.removeAttribute("aria-disabled");
  } else {
    lien.removeAttribute("href");
    lien.setAttribute("aria-disabled", "true");
  }
}

function peindrePremier() {
  const bloc = region.querySelector("[data-premier-bloc]");
  if (!bloc) return;
  for (const { titre, url, candidats } of Object.values(donnees.jours)) {
    const trouve = candidats.find(estLibre);
    if (!trouve) continue;
    const lien = bloc.querySelector("[data-premier]");
    const texte = mot("{jour} à {heure}", { jour: titre, heure: heure(trouve[0] * 60000, donnees.zone) });
    if (lien.textContent !== texte) lien.textContent = texte;
    lien.setAttribute("href", `${url}#c${trouve[0]}`);
    bloc.hidden = false;
    return;
  }
  bloc.hidden = true;
}

function peindre() {
  const affiche = region.querySelector("[data-heures]")?.dataset.heures;
  const libres = new Map();
  for (const [jour, { candidats }] of Object.entries(donnees.jours)) {
    let n = 0;
    for (const candidat of candidats) {
      const libre = estLibre(candidat);
      n += libre;
      if (jour !== affiche) continue;
      const bouton = region.querySelector(`.creneau[data-m="${candidat[0]}"]`);
      if (bouton) peindreHeure(bouton, libre);
    }
    libres.set(jour, n);
  }
  for (const lien of region.querySelectorAll("[data-jour]")) {
    if (libres.has(lien.dataset.jour)) peindreJour(lien, libres.get(lien.dataset.jour));
  }
  peindrePremier();
  annoncerBientot();
}

function annoncerBientot() {
  if (nouvelles.pris.size + nouvelles.rendus.size && !minuteur) minuteur = setTimeout(dire, REGROUPEMENT);
}

/** Before a fragment is laid: what it says of the hours on screen is said as a frame would have said it. */
function comparer(neuf) {
  focusAvant = document.activeElement?.matches(".creneau") ? Number(document.activeElement.dataset.m) : null;
  for (const bouton of region.querySelectorAll(".creneau")) {
    const nouveau = neuf.querySelector(`.creneau[data-m="${bouton.dataset.m}"]`);
    if (!nouveau) continue;
    const [avant, libre] = [bouton, nouveau].map((b) => b.dataset.libre === "1");
    if (!libre && (bouton.hasAttribute("data-vient") || (avant && !muet))) nouveau.setAttribute("data-vient", "");
    if (avant !== libre) retenir(Number(bouton.dataset.m), libre);
  }
  annoncerBientot();
}

/** After it was laid: a focus whose hour it took away. */
function reprendreFocus() {
  if (focusAvant !== null && !region.querySelector(`.creneau[data-m="${focusAvant}"][data-libre="1"]`)) deplacerFocus(focusAvant);
  focusAvant = null;
}

/** `peu`, `un`: what is said of one hour, of a few; `plusieurs`: of many, by their number. */
function enumerer(ensemble, un, peu, plusieurs) {
  if (ensemble.size === 0) return "";
  const heures = [...ensemble].sort((a, b) => a - b).map((m) => heure(m * 60000, donnees.zone));
  if (heures.length > 4) return mot(plusieurs, { n: heures.length });
  return mot(heures.length > 1 ? peu : un, { heures: heures.join(", ") });
}

function dire() {
  minuteur = 0;
  if (!muet) {
    const pris = enumerer(nouvelles.pris, "{heures} : vient d’être pris", "{heures} : viennent d’être pris", "{n} créneaux viennent d’être pris");
    const rendus = enumerer(nouvelles.rendus, "{heures} : de nouveau libre", "{heures} : de nouveau libres", "{n} créneaux de nouveau libres");
    annoncer([pris, rendus].filter(Boolean).join(". "));
  }
  nouvelles.pris.clear();
  nouvelles.rendus.clear();
}

if (region) {
  charger();
  register("creneau.pris", surTrame);
  register("creneau.libre", surTrame);
  registerEsquisse("creneau.pris", peindreTrame);
  registerEsquisse("creneau.libre", peindreTrame);
  // The user has just chosen: what the feed says of this very créneau is their own doing.
  region.ownerDocument.addEventListener("submit", (e) => {
    if (e.submitter?.matches(".creneau")) muet = true;
  });
  addEventListener("pageshow", (e) => { if (e.persisted) muet = false; });
  preparer((neuf, ancien) => { if (ancien === region) comparer(neuf); });
  document.addEventListener("flux:change", (e) => {
    if (e.detail.element !== region || e.detail.trame) return;
    charger();
    reprendreFocus();
  });
  const vise = region.querySelector(`.creneau[id="${CSS.escape(location.hash.slice(1))}"]:not(:disabled)`);
  vise?.focus();
}
