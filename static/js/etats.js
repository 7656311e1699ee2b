// Events of a RDV applied from the frame alone: the row is on the page already. After each, the DOM equals what the
// macros would render afresh: one attribute for the state, one word, the instants; CSS does the rest.

import { annoncer, effacer, flasher } from "./annonces.js";
import { heure } from "./horloge.js";
import { estPropre } from "./propres.js";
import { register } from "./registre.js";

/** type → [state, instant written]; an arrival taken back erases every instant. */
const PASSAGES = {
  "rdv.arrive": ["arrive", "arriveA"],
  "rdv.arrivee_annulee": ["prevu", null],
  "rdv.appele": ["appele", "appeleA"],
  "rdv.recu": ["recu", "recuA"],
  "rdv.termine": ["termine", "termineA"],
  "rdv.non_honore": ["non_honore", null],
};
const INSTANTS = ["arriveA", "appeleA", "recuA", "termineA"];

const dictionnaire = () => JSON.parse(document.getElementById("etats").textContent);

const trouver = (trame, region) => region.querySelector(`[data-rdv="${CSS.escape(trame.rdv)}"]`);

/** UTC to the second, as the macros write it. */
const seconde = (iso) => new Date(iso).toISOString().replace(/\.\d{3}Z$/, "Z");

/** « MERVILLE Justine, 10:20, Guichet 2 »: the name comes from the page, never from the frame. */
function designer(element, trame, region) {
  const nom = element.querySelector("[data-nom]")?.textContent;
  const lieu = element.querySelector("[data-lieu]")?.textContent;
  const a = trame.debut ? heure(Date.parse(trame.debut), region.dataset.zone) : "";
  return [nom, a, lieu].filter(Boolean).join(", ");
}

/** Move an element to a state, as a fresh rendering would show it. Returns false when it cannot. */
function poser(element, trame) {
  const [etat, instant] = PASSAGES[trame.type];
  if (instant && !trame.a) return false;
  if (trame.type === "rdv.arrivee_annulee") for (const nom of INSTANTS) delete element.dataset[nom];
  if (instant) element.dataset[instant] = seconde(trame.a);
  element.dataset.etat = trame.etat ?? etat;
  const mot = element.querySelector("[data-mot]");
  if (mot) mot.textContent = dictionnaire()[element.dataset.etat].mot;
  return true;
}

/** The pressed button has just hidden: the focus goes to the row's next action. */
function garderFocus(element) {
  const actif = document.activeElement;
  if (!element.contains(actif) || actif.offsetParent) return;
  const visible = (e) => e.offsetParent;
  const cible = [...element.querySelectorAll("button")].find(visible) ?? [...element.querySelectorAll("a")].find(visible);
  cible?.focus({ preventScroll: true });
}

function passer(trame, region) {
  const element = trouver(trame, region);
  if (!element || !poser(element, trame)) return false;
  garderFocus(element);
  if (!estPropre(trame)) {
    flasher(element);
    annoncer(`${designer(element, trame, region)} : ${dictionnaire()[element.dataset.etat].mot}`);
  }
  return true;
}

/** Uncover the places that a leaving RDV or hold was over, unless something else still is. */
function decouvrir(element) {
  const table = element.closest("[data-grille]");
  if (!table) return;
  const dans = `[data-g="${CSS.escape(element.dataset.g)}"]`;
  const bornes = (e) => [Number(e.dataset.m), Number(e.dataset.m) + Number(e.dataset.d)];
  const croise = (a, b) => a[0] < b[1] && b[0] < a[1];
  const restants = [...table.querySelectorAll(`[data-rdv]${dans}`)].filter((e) => e !== element).map(bornes);
  for (const place of table.querySelectorAll(`.place[hidden]${dans}`)) {
    const sienne = bornes(place);
    if (croise(sienne, bornes(element)) && !restants.some((r) => croise(sienne, r))) place.hidden = false;
  }
}

function rendreFocus(element, region) {
  if (!element.contains(document.activeElement)) return;
  const voisin = element.nextElementSibling ?? element.previousElementSibling;
  const table = element.closest("[data-grille]");
  const place = table?.querySelector(`.place:not([hidden])[data-g="${CSS.escape(element.dataset.g)}"][data-m="${element.dataset.m}"]`);
  const cible = place ?? voisin?.querySelector("a[href]") ?? document.querySelector("[data-recherche]") ?? region;
  if (cible === region) region.tabIndex = -1;
  cible.focus({ preventScroll: true });
}

function partir(trame, region) {
  const element = trouver(trame, region);
  if (!element) return false;
  const designation = designer(element, trame, region);
  if (element.matches(".confie")) { // received elsewhere: the last one to leave changes what the region follows
    if (trame.type === "rdv.annule" && trame.par !== "usager" && !estPropre(trame)) annoncer(`Rendez-vous annulé : ${designation}`);
    return false;
  }
  decouvrir(element);
  rendreFocus(element, region);
  effacer(element);
  if (trame.type === "rdv.annule" && trame.par !== "usager" && !estPropre(trame)) annoncer(`Rendez-vous annulé : ${designation}`);
  return true;
}

for (const type of Object.keys(PASSAGES)) register(type, passer);
register("rdv.annule", partir);
register("option.levee", partir);
