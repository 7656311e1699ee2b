// The lists of RDV. A list filtered or sorted by state changes its rows when a state changes: the frame alone is not
// enough then. A list that is not live still shows what was just done on it.

import { register } from "./registre.js";

const RELIRE = "liste-rdv--relire";
const CHANGEMENTS = ["rdv.arrive", "rdv.arrivee_annulee", "rdv.appele", "rdv.recu", "rdv.termine", "rdv.non_honore"];

for (const type of CHANGEMENTS) register(type, (trame, region) => !region.classList.contains(RELIRE));
// The row leaves at once; how many are left, and who comes next on the page, is for the fragment to say.
register("rdv.annule", (trame, region) => region.id !== "liste-rdv");

let acceptee = null;
document.addEventListener("action:acceptee", (e) => { acceptee = e.detail; });
document.addEventListener("action:faite", (e) => {
  const ligne = document.querySelector(`[data-hors-direct] [data-rdv="${CSS.escape(e.detail.rdv ?? "")}"]`);
  const mot = ligne && acceptee?.etat && JSON.parse(document.getElementById("etats").textContent)[acceptee.etat]?.mot;
  if (mot) {
    ligne.dataset.etat = acceptee.etat;
    ligne.querySelector("[data-mot]").textContent = mot;
    [...ligne.querySelectorAll("button")].find((b) => b.offsetParent)?.focus({ preventScroll: true });
  }
  acceptee = null;
});
