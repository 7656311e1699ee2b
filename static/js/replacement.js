// The list of rendez-vous to place again stays alive under the hand: what is ticked and chosen survives a refresh, unless
// the créneau it was ticked for is not offered any more: then it is unticked, and said.

import { annoncer } from "./annonces.js";
import { preparer } from "./flux.js";

const region = () => document.getElementById("a-replacer");
const cases = () => [...region().querySelectorAll('input[name="rdv"]')];
const compte = document.querySelector("[data-compte-coches]");
const tout = document.querySelector("[data-tout-cocher]");
const barre = document.querySelector("[data-barre]");

/** Those ticked on another page travel with the form. */
const ailleurs = () => document.querySelectorAll("[data-coche-ailleurs]").length;

function dire() {
  const toutes = cases();
  const n = toutes.filter((c) => c.checked).length;
  const plus = ailleurs() ? `, et ${ailleurs()} sur une autre page` : "";
  if (compte) compte.textContent = n || plus ? `${n} coché${n > 1 ? "s" : ""} sur ${toutes.length}${plus}` : "Aucun coché";
  if (barre) barre.hidden = !toutes.length && !ailleurs(); // the first may come while the page is open
  if (tout) {
    tout.hidden = toutes.length < 2;
    tout.textContent = toutes.length && n === toutes.length ? "Tout décocher" : "Tout cocher";
  }
}

/** Under the list, the place to which the chosen créneau sends the usager, when it is another service's. */
function situer(liste) {
  const ligne = document.querySelector(`[data-lieu-choisi="${CSS.escape(liste.id)}"]`);
  if (!ligne) return;
  const lieu = liste.selectedOptions[0]?.dataset.lieu ?? "";
  ligne.hidden = !lieu;
  ligne.querySelector("b").textContent = lieu;
}

preparer((neuf, ancien) => {
  if (ancien.id !== "a-replacer") return;
  for (const c of ancien.querySelectorAll('input[name="rdv"]')) {
    const choisi = ancien.querySelector(`#creneau-${CSS.escape(c.value)}`);
    const liste = neuf.querySelector(`#creneau-${CSS.escape(c.value)}`);
    if (!choisi || !liste) continue;
    const change = choisi.selectedIndex > 0;
    const encore = [...liste.options].find((o) => o.value === choisi.value);
    if (encore && (change || c.checked)) {
      for (const o of liste.options) o.toggleAttribute("selected", o === encore);
    }
    const neuve = neuf.querySelector(`#rdv-${CSS.escape(c.value)}`);
    if (c.checked && encore) neuve?.setAttribute("checked", "");
    else if (c.checked) annoncer(`${ancien.querySelector(`#hors-${CSS.escape(c.value)} b`)?.textContent ?? ""} : le créneau choisi n’est plus proposé, un autre l’est`);
  }
});

document.addEventListener("change", (e) => {
  // Choosing another créneau is wanting it.
  if (e.target.matches?.('select[name^="creneau-"]')) {
    const c = document.getElementById(e.target.id.replace("creneau-", "rdv-"));
    if (c) c.checked = true;
    situer(e.target);
  }
  dire();
});
tout?.addEventListener("click", () => {
  const valeur = cases().some((c) => !c.checked);
  for (const c of cases()) c.checked = valeur;
  dire();
});
const retirer = document.querySelector("[data-decocher-ailleurs]");
if (retirer) retirer.hidden = false;
retirer?.addEventListener("click", () => {
  for (const e of document.querySelectorAll("[data-coche-ailleurs]")) e.remove();
  retirer.closest("p").remove();
  compte?.setAttribute("tabindex", "-1");
  compte?.focus();
  dire();
});
document.addEventListener("flux:change", () => {
  for (const liste of region().querySelectorAll('select[name^="creneau-"]')) situer(liste);
  dire();
});
if (region()) dire();
