// Fetches a region's fragment and lays it over the live one: focus, scroll, open dialogs and details survive.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { annoncer, flasher } from "./annonces.js";
import { decorer, maintenant } from "./horloge.js";
import { actionRecente } from "./propres.js";
import { ranger } from "./rangement.js";

/** Longest wait for a fragment, in milliseconds: a request lost in a cut network would hang for minutes. */
const DELAI = 4000;
const preparations = [];

/** Add a step run on every fetched fragment before it is laid: `(neuf, ancien) => void`. */
export function preparer(etape) {
  preparations.push(etape);
}

/** Why a fragment could not be had. `definitif` is "session" (401), "droits" (403, 404) or "" (worth retrying). */
export class FragmentIndisponible extends Error {
  constructor(message, definitif = "") {
    super(message);
    this.definitif = definitif;
  }
}

/** The fresh element of a region; `signal` gives up. Throws FragmentIndisponible. */
export async function telecharger(element, signal) {
  let reponse;
  try {
    reponse = await fetch(element.dataset.fragment, {
      headers: { accept: "text/html", "x-fragment": "1" }, cache: "no-store", 
      signal: AbortSignal.any([signal, AbortSignal.timeout(DELAI)]),
    });
  } catch (cause) {
    throw new FragmentIndisponible(String(cause));
  }
  if (reponse.status === 401) throw new FragmentIndisponible("401", "session");
  if (reponse.status === 403 || reponse.status === 404) throw new FragmentIndisponible("droits", "droits");
  if (!reponse.ok) throw new FragmentIndisponible(`HTTP ${reponse.status}`);
  const texte = await reponse.text().catch((cause) => { throw new FragmentIndisponible(String(cause)); });
  const neuf = new DOMParser().parseFromString(texte, "text/html").getElementById(element.id);
  if (!neuf || (reponse.redirected && neuf.dataset.flux !== element.dataset.flux)) {
    // A page instead of the fragment: the request was led to the sign-in form.
    throw new FragmentIndisponible("no region in the answer", reponse.redirected ? "session" : "");
  }
  return neuf;
}

const empreintes = (racine) => new Map(
  [...racine.querySelectorAll("[data-rdv][id]")]
    .filter((e) => e.dataset.etat !== "option")
    .map((e) => [e.id, `${e.dataset.m} ${e.dataset.d} ${e.dataset.g} ${e.dataset.etat}`]),
);

const designer = (e) => ["[data-nom]", "b, .ligne__heure, .carte__heure", "[data-lieu]"]
  .map((s) => e.querySelector(s)?.textContent).filter(Boolean).join(", ");

/** Say and show what differs, when somebody else did it. */
function signaler(avant, element) {
  const changes = [];
  for (const [id, empreinte] of empreintes(element)) {
    if (avant.get(id) === empreinte) continue;
    const rdv = document.getElementById(id);
    changes.push([rdv, `${avant.has(id) ? "Rendez-vous modifié" : "Nouveau rendez-vous"} : ${designer(rdv)}`]);
  }
  const apres = new Set([...element.querySelectorAll("[data-rdv][id]")].map((e) => e.id));
  const partis = [...avant.keys()].filter((id) => !apres.has(id)).length;
  for (const [rdv] of changes) flasher(rdv);
  if (changes.length + partis > 3) annoncer(`Page mise à jour : ${changes.length + partis} rendez-vous ont changé`);
  else for (const [, phrase] of changes) annoncer(phrase);
}

/** Lay a fresh element over the live one. */
export function poser(element, neuf) {
  const avant = empreintes(element);
  const instant = maintenant();
  decorer(neuf, instant);
  ranger(neuf, instant);
  for (const etape of preparations) etape(neuf, element);
  for (const vif of element.querySelectorAll(".flash[id]")) neuf.querySelector(`#${CSS.escape(vif.id)}`)?.classList.add("flash");
  Idiomorph.morph(element, neuf, {
    morphStyle: "outerHTML",
    callbacks: {
      beforeNodeMorphed: (ancien) => !(ancien.dataset && "client" in ancien.dataset),
      beforeNodeRemoved: (ancien) => !(ancien.dataset && "client" in ancien.dataset),
      beforeAttributeUpdated: (nom, e) => !(nom === "open" && (e.tagName === "DIALOG" || e.tagName === "DETAILS")),
    },
  });
  if (!actionRecente()) signaler(avant, element);
}
