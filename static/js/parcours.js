// A table of links (the month, the merged week) is one tab stop: arrows walk its cells, Page Up and Page Down change page.

import { preparer } from "./fragments.js";
import { mentionner } from "./raccourcis.js";

const TABLE = "table[data-parcours]";
const liens = (table) => [...table.querySelectorAll("tbody a")];

function poser(table, courant) {
  const tous = liens(table);
  const arret = courant ?? table.querySelector("td[data-aujourdhui] a") ?? tous[0];
  for (const a of tous) a.tabIndex = a === arret ? 0 : -1;
}

/** The first link met from a cell, in a direction. */
function voisin(table, depuis, dx, dy) {
  const lignes = table.tBodies[0].rows;
  let [x, y] = [depuis.closest("td").cellIndex + dx, depuis.closest("tr").sectionRowIndex + dy];
  for (; lignes[y]?.cells[x]; x += dx, y += dy) {
    const a = lignes[y].cells[x].querySelector("a");
    if (a) return a;
  }
  return null;
}

function suivant(table, a, e) {
  const tous = liens(table);
  const rang = tous.indexOf(a);
  const ligne = [...a.closest("tr").querySelectorAll("td a")];
  const jour = table.classList.contains("mois"); // from a Sunday to the Monday that follows
  switch (e.key) {
    case "ArrowRight": return jour ? tous[rang + 1] : voisin(table, a, 1, 0);
    case "ArrowLeft": return jour ? tous[rang - 1] : voisin(table, a, -1, 0);
    case "ArrowDown": return voisin(table, a, 0, 1);
    case "ArrowUp": return voisin(table, a, 0, -1);
    case "Home": return e.ctrlKey ? tous[0] : ligne[0];
    case "End": return e.ctrlKey ? tous.at(-1) : ligne.at(-1);
    default: return null;
  }
}

document.addEventListener("keydown", (e) => {
  const a = e.target.closest?.(`${TABLE} tbody a`);
  if (!a || e.altKey || e.metaKey) return;
  const page = { PageUp: "precedente", PageDown: "suivante" }[e.key];
  if (page) {
    e.preventDefault();
    document.querySelector(`[data-page="${page}"]`)?.click();
    return;
  }
  const cible = suivant(a.closest(TABLE), a, e);
  if (!cible) return;
  e.preventDefault();
  poser(a.closest(TABLE), cible);
  cible.focus();
});

document.addEventListener("focusin", (e) => {
  const a = e.target.closest?.(`${TABLE} tbody a`);
  if (a) poser(a.closest(TABLE), a);
});

const tables = document.querySelectorAll(TABLE);
for (const table of tables) poser(table);
if (tables.length) {
  mentionner("← ↑ → ↓", "Parcourir l’agenda");
  mentionner("Entrée", "Ouvrir le jour");
}
preparer((neuf, ancien) => {
  const [table, vive] = [neuf.querySelector(TABLE), ancien.querySelector(TABLE)];
  if (!table || !vive) return;
  const courant = vive.querySelector('tbody a[tabindex="0"]')?.getAttribute("href");
  poser(table, courant && liens(table).find((a) => a.getAttribute("href") === courant));
});
