// The agenda by keyboard: one tab stop, arrows walk places and RDV, Enter opens, n a act (d: deplacement.js). The pointer
// needs none of it.

import { presser } from "./actions.js";
import { preparer } from "./fragments.js";
import { mentionner, raccourci } from "./raccourcis.js";

/** While a RDV is being moved, arrows walk the places where it may go, and nothing else. */
const atteignable = () => (document.documentElement.hasAttribute("data-mode-deplacement")
  ? "a.place:not([hidden])" : "a.case:not([hidden]), span.case");

const debut = (e) => Number((e.dataset.m ? e : e.closest("[data-m]")).dataset.m);
const fin = (e) => {
  const { m, d } = (e.dataset.m ? e : e.closest("[data-m]")).dataset;
  return Number(m) + Number(d);
};
const colonneDe = (e) => e.closest("td").cellIndex;

/** The cells of a column, from the first hour to the last. */
function colonne(table, n) {
  return [...table.querySelectorAll(`tbody td:nth-child(${n + 1}) :is(${atteignable()})`)]
    .sort((a, b) => debut(a) - debut(b));
}

/** Minutes since the row labels' start: columns of a week begin on different days. */
function enHauteur(table, e) {
  const ligne = e.closest("tr").rowIndex;
  const { pas } = table.dataset;
  const decalage = [...(e.dataset.m ? e : e.closest("[data-m]")).classList].find((c) => /^t\d+$/.test(c));
  return ligne * Number(pas) + Number(decalage?.slice(1) ?? 0);
}

function voisin(table, depuis, sens) {
  const hauteur = enHauteur(table, depuis);
  const largeur = table.tHead.rows[0].cells.length;
  for (let n = colonneDe(depuis) + sens; n > 0 && n < largeur; n += sens) {
    const cases = colonne(table, n);
    if (cases.length === 0) continue;
    return cases.find((c) => enHauteur(table, c) <= hauteur && hauteur < enHauteur(table, c) + fin(c) - debut(c))
      ?? cases.reduce((a, b) => (Math.abs(enHauteur(table, b) - hauteur) < Math.abs(enHauteur(table, a) - hauteur) ? b : a));
  }
  return null;
}

/** The button or link next to `e` inside the same block. */
function dansLeBloc(e, sens) {
  const bloc = e.closest(".rdv");
  if (!bloc) return null;
  const suite = [...bloc.querySelectorAll("a, button")].filter((x) => x.offsetParent);
  return suite[suite.indexOf(e) + sens] ?? null;
}

function suivant(table, e, touche, ctrl) {
  const cellule = e.matches(".case") ? e : e.closest(".rdv").querySelector(".case");
  const siennes = () => colonne(table, colonneDe(cellule));
  const pas = (n) => {
    const cases = siennes();
    return cases[Math.max(0, Math.min(cases.length - 1, cases.indexOf(cellule) + n))];
  };
  const bout = (n) => voisin(table, cellule, n) && [...Array(table.tHead.rows[0].cells.length)]
    .reduce((x) => voisin(table, x, n) ?? x, cellule);
  switch (touche) {
    case "ArrowDown": return pas(1);
    case "ArrowUp": return pas(-1);
    case "ArrowRight": return dansLeBloc(e, 1) ?? voisin(table, cellule, 1);
    case "ArrowLeft": return dansLeBloc(e, -1) ?? voisin(table, cellule, -1);
    case "PageDown": return pas(6);
    case "PageUp": return pas(-6);
    case "Home": return ctrl ? siennes()[0] : bout(-1);
    case "End": return ctrl ? siennes().at(-1) : bout(1);
    default: return null;
  }
}

/** One tab stop per table: the cell last visited, else the first. Run on the live table and on a fetched one. */
function poserTabulation(table, courante) {
  const cases = [...table.querySelectorAll(`:is(a.case:not([hidden]), span.case, .rdv__action, .place[hidden])`)];
  const arret = courante ?? cases.find((c) => c.matches("a.case:not([hidden])"));
  for (const c of cases) c.tabIndex = c === arret ? 0 : -1;
}

const cleDe = (e) => e && `${e.closest("[data-rdv]")?.dataset.rdv ?? ""} ${e.dataset.g ?? ""} ${e.dataset.m ?? ""}`;

function retrouver(table, cle) {
  return cle && [...table.querySelectorAll("a.case:not([hidden])")].find((c) => cleDe(c) === cle);
}

/** Give the focus to a cell, and the table's one tab stop with it. */
export function aller(table, cible) {
  if (!cible) return;
  poserTabulation(table, cible.matches(".case") ? cible : cible.closest(".rdv").querySelector(".case"));
  cible.focus();
  cible.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Where the grid was left, kept in this history entry: Back finds it again, even where the place has been taken since. */
function retenir(table, cellule) {
  const { m, g } = (cellule.dataset.m ? cellule : cellule.closest("[data-m]")).dataset;
  const cadre = table.closest("[data-defilement]");
  const grille = { m, g, x: cadre?.scrollLeft, y: cadre?.scrollTop, page: scrollY };
  history.replaceState({ ...history.state, grille }, "");
}

/** Back where it was left. The place itself is found again by its guichet and hour. */
export function reprendreGrille() {
  const { grille, ...reste } = history.state ?? {};
  if (!grille) return;
  history.replaceState(reste, "");
  const table = document.querySelector("[data-grille]");
  const lieu = `[data-g="${CSS.escape(grille.g)}"][data-m="${CSS.escape(grille.m)}"]`;
  const cible = table?.querySelector(`a.case${lieu}:not([hidden]), .rdv${lieu} .case`);
  if (!cible) return;
  const cadre = table.closest("[data-defilement]");
  cadre?.scrollTo(grille.x, grille.y);
  scrollTo(scrollX, grille.page);
  poserTabulation(table, cible);
  cible.focus({ preventScroll: true });
  cible.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** The grid, the element and the RDV under the focus; nothing outside of a grid. */
export const sousFocus = () => {
  const e = document.activeElement;
  const table = e?.closest?.("[data-grille]");
  return table && e.closest("td") ? { table, e, rdv: e.closest("[data-rdv]") } : {};
};

document.addEventListener("keydown", (evenement) => {
  const { table, e } = sousFocus();
  if (!table || evenement.altKey || evenement.metaKey) return;
  const cible = suivant(table, e, evenement.key, evenement.ctrlKey);
  if (!cible) return;
  evenement.preventDefault();
  aller(table, cible);
});

document.addEventListener("focusin", (evenement) => {
  const table = evenement.target.closest?.("[data-grille]");
  if (table && evenement.target.matches("a.case")) poserTabulation(table, evenement.target);
});

document.addEventListener("click", (e) => {
  const cellule = e.target.closest?.("[data-grille] a.case");
  if (cellule && !e.ctrlKey && !e.metaKey && !e.shiftKey) retenir(cellule.closest("[data-grille]"), cellule);
});

function initialiser() {
  const tables = document.querySelectorAll("[data-grille]");
  if (tables.length === 0) return;
  for (const table of tables) poserTabulation(table);
  mentionner("← ↑ → ↓", "Parcourir l’agenda");
  mentionner("Entrée", "Ouvrir le rendez-vous ou la place");
  raccourci("n", "Nouveau rendez-vous", () => {
    const { e, rdv } = sousFocus();
    const cible = e && !rdv ? e : document.querySelector("[data-nouveau]");
    cible?.click();
    return Boolean(cible);
  });
  raccourci("a", "Marquer ou annuler l’arrivée", () => {
    const { rdv } = sousFocus();
    const bouton = [...(rdv?.querySelectorAll("[data-evenement]") ?? [])].find((b) => b.offsetParent);
    if (bouton) presser(bouton);
    return Boolean(bouton);
  });
}

initialiser();
preparer((neuf, ancien) => {
  const vive = ancien.querySelector("[data-grille]");
  const table = neuf.querySelector("[data-grille]");
  if (!vive || !table) return;
  poserTabulation(table, retrouver(table, cleDe(vive.querySelector('.case[tabindex="0"]'))));
});
document.addEventListener("flux:change", (e) => {
  const table = e.detail.element.querySelector("[data-grille]");
  if (!table || !e.detail.trame) return;
  const vive = table.querySelector('a.case[tabindex="0"]:not([hidden])');
  poserTabulation(table, vive);
});
