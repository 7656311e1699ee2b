// The list of rendez-vous to place again stays alive under the hand: what is ticked and chosen survives a refresh, unless
// the créneau it was ticked for is not offered any more: then it is unticked, and said.

import { annoncer } from "./annonces.js";
import { preparer } from "./flux.js";

const region = () => document.getElementById("a-replacer");
const cases = () => [...region().querySelectorAll('input[name="rdv"]')];
const compte = document.querySelector("[data-compte-coches]");
const tout = document.querySelector("[data-tout-cocher]");

function dire() {
  const toutes = cases();
  const n = toutes.filter((c) => c.checked).length;
  if (compte) compte.textContent = n ? `${n} coché${n > 1 ? "s" : ""} sur ${toutes.length}` : "Aucun coché";
  if (tout) {
    tout.hidden = toutes.length < 2;
    tout.textContent = toutes.length && n === toutes.length ? "Tout décocher" : "Tout cocher";
  }
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
    else if (c.checked) annoncer(`${ancien.querySelector(`#hors-${CSS.escape(c.value)} b`)?.textContent ?? ""} : le créneau n’est plus libre, un autre est proposé`);
  }
});

document.addEventListener("change", (e) => {
  // Choosing another créneau is wanting it.
  if (e.target.matches?.('select[name^="creneau-"]')) {
    const c = document.getElementById(e.target.id.replace("creneau-", "rdv-"));
    if (c) c.checked = true;
  }
  dire();
});
tout?.addEventListener("click", () => {
  const valeur = cases().some((c) => !c.checked);
  for (const c of cases()) c.checked = valeur;
  dire();
});
document.addEventListener("flux:change", dire);
if (region()) dire();
