// Puts each RDV of a board in its group and its place, and keeps the counts. The same rule runs on the live page and on
// a fetched fragment before the morph, so both agree whatever happened in between.
//
// [data-groupes] holds [data-groupe][data-etats="arrive appele"][data-quand="retard"][data-tri="m"|"arrive-a"], each
// with one [data-liste]. A RDV whose state has no group leaves. [data-compte=""] counts its group,
// [data-compte="arrive appele"] counts states over the whole board.

import { duree, maintenant, moment } from "./horloge.js";

const cleDeTri = { m: (r) => r.dataset.m.padStart(12, "0"), "arrive-a": (r) => r.dataset.arriveA ?? "" };

function trier(rdvs, tri) {
  const cle = cleDeTri[tri] ?? cleDeTri.m;
  return rdvs.sort((a, b) => {
    const [ka, kb] = [cle(a), cle(b)];
    return ka < kb ? -1 : ka > kb ? 1 : Number(a.dataset.rdv) - Number(b.dataset.rdv);
  });
}

function placer(liste, rdvs) {
  let place = liste.firstElementChild;
  for (const rdv of rdvs) {
    while (place && !place.hasAttribute("data-rdv")) place = place.nextElementSibling;
    if (place === rdv) place = place.nextElementSibling;
    else if (place) liste.insertBefore(rdv, place);
    else liste.append(rdv);
  }
}

function compter(element, n) {
  if (element.textContent !== String(n)) element.textContent = String(n);
}

/** Under a filter, each group says how many of its rows are shown (« 2 sur 14 »). */
export function compterVisibles(racine) {
  for (const groupe of racine.querySelectorAll("[data-groupe]")) {
    const compte = groupe.querySelector('[data-compte=""]');
    const lignes = groupe.querySelectorAll("[data-rdv]");
    const vues = [...lignes].filter((l) => !l.hasAttribute("data-filtre-cache")).length;
    if (!compte) continue;
    if (vues < lignes.length) compte.dataset.visibles = String(vues);
    else compte.removeAttribute("data-visibles");
  }
}

/** « (jusqu’à 12 min) »: the longest of the waits counted beside it. */
function direPlusLongue(tableau, rdvs, instant) {
  const cible = tableau.querySelector("[data-plus-longue]");
  const depuis = rdvs.filter((r) => ["arrive", "appele"].includes(r.dataset.etat) && r.dataset.arriveA)
    .map((r) => instant - Date.parse(r.dataset.arriveA));
  const texte = depuis.length ? `(jusqu’à ${duree(Math.max(0, ...depuis))})` : "";
  if (cible && cible.textContent !== texte) cible.textContent = texte;
}

/** Arrange every board below `racine`. Focus inside a moved RDV is given back to it. */
export function ranger(racine, instant = maintenant()) {
  const actif = document.activeElement;
  for (const tableau of racine.querySelectorAll("[data-groupes]")) {
    const groupes = [...tableau.querySelectorAll("[data-groupe]")].map((e) => ({
      element: e, etats: e.dataset.etats.split(" "), quand: e.dataset.quand, rdvs: [],
    }));
    const rdvs = [...tableau.querySelectorAll("[data-rdv]")];
    for (const rdv of rdvs) {
      const groupe = groupes.find((g) =>
        g.etats.includes(rdv.dataset.etat) && (!g.quand || g.quand === moment(rdv, instant)));
      if (groupe) groupe.rdvs.push(rdv);
      else rdv.remove();
    }
    for (const { element, rdvs: siens } of groupes) {
      placer(element.querySelector("[data-liste]"), trier(siens, element.dataset.tri));
      const compte = element.querySelector('[data-compte=""]');
      if (compte) compter(compte, siens.length);
    }
    for (const compte of tableau.querySelectorAll('[data-compte]:not([data-compte=""])')) {
      const etats = compte.dataset.compte.split(" ");
      compter(compte, rdvs.filter((r) => etats.includes(r.dataset.etat)).length);
    }
    compterVisibles(tableau);
    direPlusLongue(tableau, rdvs, instant);
  }
  if (actif && actif !== document.activeElement && racine.contains(actif)) actif.focus({ preventScroll: true });
}
