// Where a RDV being moved would go: the place under the pointer, judged with what the page knows. The server decides.

import { heure, jourLocal } from "./horloge.js";

const nombre = (e, nom) => Number(e.dataset[nom]);
const zoneDe = (table) => table.closest("[data-zone]").dataset.zone;

/** The RDV as it stands in the grid. */
export function lire(bloc) {
  const table = bloc.closest("[data-grille]");
  return {
    id: bloc.dataset.rdv, g: bloc.dataset.g, m: nombre(bloc, "m"), d: nombre(bloc, "d"), table,
    nom: bloc.querySelector("[data-nom]")?.textContent ?? "", heure: heure(nombre(bloc, "m") * 60000, zoneDe(table)),
  };
}

const places = (table, g) => [...table.querySelectorAll(`a.place[data-g="${CSS.escape(g)}"]`)];
const croise = (e, m, d) => nombre(e, "m") < m + d && m < nombre(e, "m") + nombre(e, "d");

/** True when something stands in the way: another RDV, a hold. A cancelled place kept from the internet does not. */
function occupe(rdv, g, m) {
  return [...rdv.table.querySelectorAll(`.rdv[data-rdv][data-g="${CSS.escape(g)}"]`)].some((e) =>
    e.dataset.rdv !== rdv.id && croise(e, m, rdv.d) && !(e.dataset.etat === "option" && e.querySelector("a.case")));
}

/** The destination that begins at `m` in a column: {g, guichet, m, jour, du, texte, hors, refus, ici}. */
export function viser(rdv, th, m, ligne) {
  const zone = zoneDe(rdv.table);
  const { g, guichet } = th.dataset;
  const place = places(rdv.table, g).find((p) => nombre(p, "m") <= m && m < nombre(p, "m") + nombre(p, "d"));
  const du = heure(m * 60000, zone);
  const ici = g === rdv.g && m === rdv.m;
  const refus = ici ? "" : !place ? "fermé" : occupe(rdv, g, m) ? "déjà pris"
    : ligne?.hasAttribute("data-passe") ? "heure passée" : "";
  return {
    g, guichet, m, jour: jourLocal(m * 60000, zone), du, ici, refus, th, hors: place?.classList.contains("place--hors") ?? false,
    texte: `${du} – ${heure((m + rdv.d) * 60000, zone)}, ${th.firstChild.textContent.trim()}`,
  };
}

/** Another RDV of the grid that may give its place: both then exchange theirs, once confirmed. Null when it may not. */
export function viserRdv(rdv, bloc) {
  if (!bloc || bloc.dataset.rdv === rdv.id || !/^(prevu|arrive)$/.test(bloc.dataset.etat)) return null;
  const autre = lire(bloc);
  const th = rdv.table.tHead.rows[0].cells[bloc.closest("td").cellIndex];
  return { ...autre, th, ici: false, refus: "", hors: false, echange: autre.id, texte: `Échanger avec ${autre.nom}, ${autre.heure}` };
}

/** The destination of a free place of the grid. */
export function viserPlace(rdv, place) {
  const th = rdv.table.tHead.rows[0].cells[place.closest("td").cellIndex];
  return viser(rdv, th, nombre(place, "m"), place.closest("tr"));
}

/** The destination under a point of the window, or null outside of the grid. */
export function viserPoint(rdv, x, y) {
  const empiles = document.elementsFromPoint(x, y);
  const td = empiles.map((e) => e.closest("td")).find((e) => e && rdv.table.tBodies[0].contains(e));
  if (!td) return null;
  const ligne = td.closest("tr");
  const th = rdv.table.tHead.rows[0].cells[td.cellIndex];
  if (!th?.dataset.m0) return null;
  const echange = viserRdv(rdv, empiles.map((e) => e.closest(".rdv[data-rdv]")).find((e) => e && td.contains(e)));
  if (echange) return echange;
  const place = empiles.find((e) => e.matches("a.place"));
  const m = place ? nombre(place, "m") : Number(th.dataset.m0) + ligne.sectionRowIndex * Number(rdv.table.dataset.pas);
  return viser(rdv, th, m, ligne);
}

/** Places that only the RDV itself covers: it may move there by less than its own length. */
export function siennes(rdv) {
  return places(rdv.table, rdv.g).filter((p) => p.hidden && nombre(p, "m") !== rdv.m && !occupe(rdv, rdv.g, nombre(p, "m")));
}

/** Draw where it would go, over the grid. */
export function montrer(rdv, cible) {
  const cadre = rdv.table.closest("[data-defilement]");
  let depot = cadre.querySelector(".depot");
  if (!depot) {
    depot = document.createElement("div");
    depot.dataset.client = "";
    depot.setAttribute("aria-hidden", "true");
    cadre.append(depot);
  }
  depot.className = "depot";
  depot.hidden = !cible || cible.ici;
  if (depot.hidden) return;
  depot.classList.toggle("depot--hors", cible.hors && !cible.refus);
  depot.classList.toggle("depot--echange", Boolean(cible.echange));
  depot.classList.toggle("depot--refuse", Boolean(cible.refus));
  const pas = Number(rdv.table.dataset.pas);
  const lignes = rdv.table.tBodies[0].rows;
  const rang = (cible.m - Number(cible.th.dataset.m0)) / pas;
  const ligne = lignes[Math.min(lignes.length - 1, Math.max(0, Math.floor(rang)))];
  depot.style.top = `${ligne.offsetTop + (rang - ligne.sectionRowIndex) * ligne.offsetHeight}px`;
  depot.style.left = `${cible.th.offsetLeft}px`;
  depot.style.width = `${cible.th.offsetWidth}px`;
  depot.style.height = `${((cible.echange ? cible.d : rdv.d) / pas) * ligne.offsetHeight}px`;
  depot.textContent = cible.texte + (cible.refus ? ` : ${cible.refus}` : cible.hors ? ", hors plage" : "");
}

/** Draw it no more. */
export function effacerCible() {
  for (const depot of document.querySelectorAll(".depot")) depot.remove();
}
