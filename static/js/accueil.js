// What every page loads. Modules that find nothing of theirs on the page do nothing.

import "./actions.js";
import "./avis.js";
import "./defaire.js";
import "./etats.js";
import "./filtre.js";
import "./raccourcis.js";
import "./rebond.js";
import "./saisie.js";
import "./signal.js";
import "./usager.js";
import { flux } from "./flux.js";
import { reprendreGrille } from "./grille.js";
import { caler, decorer, maintenant, montrerMaintenant, prochaineOuverture, tracer } from "./horloge.js";
import { ranger } from "./rangement.js";

/** Lateness and waits change by the minute: this is often enough. */
const BATTEMENT = 3000;

let echeance = 0;

function actualiser() {
  const instant = maintenant();
  decorer(document, instant);
  ranger(document, instant);
  tracer(instant);
  // A button that opens before the next beat opens at its very instant.
  clearTimeout(echeance);
  const attente = prochaineOuverture(document, instant);
  if (attente < BATTEMENT) echeance = setTimeout(actualiser, attente);
}

const rendu = document.querySelector('meta[name="maintenant"]')?.content;
if (rendu) caler(rendu);
actualiser();
montrerMaintenant();
reprendreGrille();
setInterval(actualiser, BATTEMENT);
addEventListener("resize", () => tracer());
document.addEventListener("flux:change", actualiser);
flux.demarrer();
