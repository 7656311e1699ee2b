// The height of the rows, by step: + and −, buttons or keys. Kept in the address, and remembered for the next page.

import { annoncer } from "./annonces.js";
import { tracer } from "./horloge.js";
import { raccourci } from "./raccourcis.js";

const MEMOIRE = "accueil:zoom";
const zone = document.querySelector("[data-zoom]");
const boutons = [...document.querySelectorAll("[data-zoom-pas]")];
const MIN = 1;
const MAX = 7;

function memoire(faire) {
  try {
    return faire(localStorage);
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** The address with that step, the ordinary one left out. */
function avec(adresse, pas) {
  const url = new URL(adresse, location.href);
  if (String(pas) === zone.dataset.zoomDefaut) url.searchParams.delete("zoom");
  else url.searchParams.set("zoom", pas);
  return url.pathname + url.search + url.hash;
}

/** The minute that is at the top of the frame stays there. */
function gardantLePoint(faire) {
  const cadre = zone.querySelector("[data-defilement]");
  const part = cadre ? cadre.scrollTop / cadre.scrollHeight : 0;
  faire();
  if (cadre) cadre.scrollTop = part * cadre.scrollHeight;
}

function poser(pas) {
  gardantLePoint(() => zone.classList.replace(`zoom--${zone.dataset.zoom}`, `zoom--${pas}`));
  zone.dataset.zoom = pas;
  history.replaceState(history.state, "", avec(location.href, pas));
  for (const a of document.querySelectorAll('.outils-agenda nav a[href*="/agenda"]')) a.href = avec(a.href, pas);
  for (const form of document.querySelectorAll(".outils-agenda form[method=get]")) {
    const champ = form.elements.zoom ?? Object.assign(document.createElement("input"), { type: "hidden", name: "zoom" });
    champ.value = pas;
    if (!champ.isConnected) form.append(champ);
  }
  for (const b of boutons) {
    const cible = Math.min(MAX, Math.max(MIN, pas + Number(b.dataset.zoomPas)));
    b.href = avec(location.href, cible);
    if (cible === pas) b.setAttribute("aria-disabled", "true");
    else b.removeAttribute("aria-disabled");
  }
  tracer();
}

function changer(sens) {
  const pas = Math.min(MAX, Math.max(MIN, Number(zone.dataset.zoom) + sens));
  if (pas === Number(zone.dataset.zoom)) return true;
  poser(pas);
  memoire((m) => m.setItem(MEMOIRE, pas));
  annoncer(`Hauteur des lignes ${pas} sur ${MAX}`);
  return true;
}

if (zone && boutons.length) {
  const demande = new URLSearchParams(location.search).get("zoom");
  const retenu = Number(memoire((m) => m.getItem(MEMOIRE)));
  if (demande) memoire((m) => m.setItem(MEMOIRE, demande));
  else if (retenu >= MIN && retenu <= MAX && retenu !== Number(zone.dataset.zoom)) poser(retenu);
  for (const b of boutons) {
    b.setAttribute("role", "button");
    b.addEventListener("click", (e) => {
      e.preventDefault();
      changer(Number(b.dataset.zoomPas));
    });
  }
  raccourci("+", "Agrandir les lignes", () => changer(1));
  raccourci("-", "Réduire les lignes", () => changer(-1));
}
