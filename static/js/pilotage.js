// Steering page: the counters follow each frame by themselves; the table by service is asked for again (its region says
// how seldom), because a frame carries the totals only.

import { register } from "./registre.js";

const ETATS = ["prevu", "arrive", "appele", "recu", "termine", "non_honore", "annule"];

function ecrire(element, valeur) {
  const texte = String(valeur);
  if (!element || element.textContent === texte) return;
  element.textContent = texte;
  const carte = element.closest(".compteur");
  if (!carte) return;
  carte.classList.remove("bouge");
  void carte.offsetWidth;
  carte.classList.add("bouge");
  setTimeout(() => carte.classList.remove("bouge"), 1700);
}

/** Bring the counters to a frame's figures, as a fresh page would show them. */
function compter(trame, region) {
  // A picture taken before the day that the page shows is of another day.
  if (Date.parse(trame.a) < Number(region.dataset.du) * 60_000) return false;
  const tableau = region.querySelector("[data-compteurs]");
  if (!tableau || !ETATS.every((etat) => Number.isInteger(trame[etat]))) return false;
  const total = ETATS.reduce((somme, etat) => (etat === "annule" ? somme : somme + trame[etat]), 0);
  tableau.dataset.total = String(total);
  ecrire(tableau.querySelector('[data-chiffre="total"]'), total);
  for (const chiffre of tableau.querySelectorAll("[data-etats]")) {
    const nombre = chiffre.dataset.etats.split(" ").reduce((somme, etat) => somme + trame[etat], 0);
    ecrire(chiffre, nombre);
    const part = chiffre.parentElement.querySelector("progress");
    part?.setAttribute("max", String(total || 1));
    part?.setAttribute("value", String(nombre));
  }
  return true;
}

register("compteurs", compter);
