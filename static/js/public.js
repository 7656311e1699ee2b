// What every page of the usager loads: forms, what was typed, the live regions, the clock. A page that needs more asks for it.

import "./actions.js";
import "./saisie.js";
import { flux } from "./flux.js";
import { caler, decorer, maintenant, prochaineOuverture } from "./horloge.js";

/** As on the agents' pages (accueil.js). */
const BATTEMENT = 3000;

let echeance = 0;

function actualiser() {
  const instant = maintenant();
  decorer(document, instant);
  clearTimeout(echeance);
  const attente = prochaineOuverture(document, instant);
  if (attente < BATTEMENT) echeance = setTimeout(actualiser, attente);
}

const rendu = document.querySelector('meta[name="maintenant"]')?.content;
if (rendu) caler(rendu);
actualiser();
setInterval(actualiser, BATTEMENT);
document.addEventListener("flux:change", actualiser);
flux.demarrer();
