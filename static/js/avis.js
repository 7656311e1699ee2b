// The header's count of unread notices is a live region like another (flux.js); here is what the feed does not tell. What
// is marked as read is told to the other tabs of this browser; another device learns it when it is looked at again.

import { annoncer } from "./annonces.js";
import { flux } from "./flux.js";

/** A tab looked at again asks once more, at most at that pace, in milliseconds. */
const REVUE = 3000;
const AUTRES = "Avis : les avis de vos autres services arrivent au rechargement de la page";

const lien = () => document.getElementById("avis-lien");

let connus = Number(lien()?.dataset.nonLus);
let derniere = performance.now();
let canal = null;

/** Ask again for the count and for the list of notices. */
function redemander() {
  derniere = performance.now();
  for (const r of flux.ecoutes) if ("avis" in r.element.dataset) prendre(r);
}

/** What is on its way may have been read before the mark. */
function prendre(r) {
  if (r.enVol) setTimeout(() => prendre(r), 100);
  else r.rafraichir(0);
}

function revoir() {
  if (!document.hidden && performance.now() - derniere > REVUE) redemander();
}

function ecouter() {
  canal = new BroadcastChannel("avis");
  canal.onmessage = redemander;
}

/** A page with many subjects of its own leaves no room for all those of the header. */
function dire() {
  if (flux.coupe) lien().title = AUTRES;
}

if (lien()) {
  ecouter();
  document.addEventListener("flux:change", ({ detail }) => {
    if (detail.element !== lien() || detail.trame) return;
    const lus = Number(lien().dataset.nonLus);
    if (lus > connus) annoncer(lus === 1 ? "Un avis non lu" : `${lus} avis non lus`);
    connus = lus;
    dire();
  });
  document.addEventListener("flux:suit", dire);
  document.addEventListener("flux:arret", () => lien().querySelector(".avis-lien__nombre")?.remove());
  document.addEventListener("action:faite", ({ detail }) => {
    if (!detail.adresse.startsWith("/agent/avis/")) return;
    redemander();
    canal?.postMessage("lu");
  });
  document.addEventListener("visibilitychange", revoir);
  addEventListener("focus", revoir);
  // An open channel would keep the page out of the browser's memory of pages left.
  addEventListener("pagehide", () => { canal?.close(); canal = null; });
  addEventListener("pageshow", (e) => {
    if (!e.persisted) return;
    ecouter();
    redemander();
  });
}
