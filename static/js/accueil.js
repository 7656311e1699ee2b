// What every page loads. Modules that find nothing of theirs on the page do nothing.

import "./actions.js";
import "./etats.js";
import "./filtre.js";
import "./grille.js";
import "./raccourcis.js";
import "./signal.js";
import { flux } from "./flux.js";
import { caler, decorer, maintenant, montrerMaintenant, tracer } from "./horloge.js";
import { ranger } from "./rangement.js";

/** Lateness and waits change by the minute: this is often enough. */
const BATTEMENT = 3000;

function actualiser() {
  const instant = maintenant();
  decorer(document, instant);
  ranger(document, instant);
  tracer(instant);
}

const rendu = document.querySelector('meta[name="maintenant"]')?.content;
if (rendu) caler(rendu);
actualiser();
montrerMaintenant();
setInterval(actualiser, BATTEMENT);
addEventListener("resize", () => tracer());
document.addEventListener("flux:change", actualiser);
flux.demarrer();
