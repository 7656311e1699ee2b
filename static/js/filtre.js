// The desk's huge field: typing (or scanning a QR code, which types) filters the board; Enter on the only match marks it
// arrived. The field keeps the focus: the desk never has to reach for the mouse.

import { presser } from "./actions.js";
import { preparer } from "./fragments.js";
import { compterVisibles } from "./rangement.js";

const CODE = /^[A-Z01]{6}$/;

/** Without accents, in capitals, spaces squeezed. */
export const plier = (texte) =>
  texte.normalize("NFD").replace(/\p{M}/gu, "").toUpperCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

/** What was meant: a name, a code (0 reads O, 1 reads I), or the code inside the address that a QR code carries. */
export function comprendre(saisie) {
  const dernier = saisie.trim().split(/[/?=#]/).filter(Boolean).at(-1) ?? "";
  const brut = /^https?:/i.test(saisie.trim()) ? dernier : saisie;
  const serre = plier(brut).replaceAll(" ", "");
  return CODE.test(serre) ? { texte: plier(brut), code: serre.replaceAll("0", "O").replaceAll("1", "I") } : { texte: plier(brut) };
}

function convient(ligne, { texte, code }) {
  if (!texte) return true;
  const contenu = ` ${plier(ligne.textContent)}`;
  if (code && contenu.includes(` ${code}`)) return true;
  return texte.split(" ").every((mot) => contenu.includes(` ${mot}`));
}

function appliquer(cible, champ, resultat) {
  if (!cible) return []; // the page of results has the field, not the board
  const voulu = comprendre(champ.value);
  const lignes = [...cible.querySelectorAll("[data-rdv]")];
  const gardees = lignes.filter((l) => convient(l, voulu));
  for (const l of lignes) {
    l.toggleAttribute("data-filtre-cache", !gardees.includes(l));
    l.toggleAttribute("data-seule", Boolean(voulu.texte) && gardees.length === 1 && gardees[0] === l);
  }
  compterVisibles(cible);
  if (!resultat) return gardees;
  const n = gardees.length;
  const phrase = n === 0 ? "Aucun rendez-vous d’aujourd’hui ne correspond. Entrée cherche dans tous les rendez-vous."
    : n === 1 ? `1 rendez-vous : ${gardees[0].querySelector("[data-nom]")?.textContent ?? ""}. Entrée marque l’arrivée.`
      : `${n} rendez-vous`;
  resultat.textContent = voulu.texte ? phrase : "";
  return gardees;
}

for (const form of document.querySelectorAll("form[data-filtre]")) {
  const champ = form.querySelector("input");
  const resultat = form.querySelector("[data-filtre-resultat]");
  const cible = () => document.getElementById(form.dataset.filtre);
  champ.addEventListener("input", () => appliquer(cible(), champ, resultat));
  form.addEventListener("submit", (e) => {
    const gardees = appliquer(cible(), champ, resultat);
    if (!champ.value.trim() || gardees.length === 0) return;
    e.preventDefault();
    const bouton = gardees.length === 1 && gardees[0].querySelector('button[data-evenement="rdv.arrive"]');
    if (!bouton || gardees[0].dataset.etat !== "prevu") return;
    presser(bouton).then((fait) => {
      if (!fait) return;
      champ.value = "";
      appliquer(cible(), champ, resultat);
    });
  });
  champ.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    champ.value = "";
    appliquer(cible(), champ, resultat);
  });
  preparer((neuf) => { if (neuf.id === form.dataset.filtre) appliquer(neuf, champ, null); });
  document.addEventListener("flux:change", (e) => {
    if (e.detail.element === cible()) appliquer(cible(), champ, resultat);
  });
  document.addEventListener("action:acceptee", () => { if (!champ.value) champ.focus({ preventScroll: true }); });
}
