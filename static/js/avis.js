// The header's count of unread notices. A frame that carries `avis` says that somebody has one, never who nor what: each
// page then asks for its own count. It is announced politely, without a sound.

import { annoncer } from "./annonces.js";
import { flux } from "./flux.js";

/** The pages of one service ask within that time, in milliseconds, not all together. */
const DISPERSION = 300;
/** A tab looked at again asks once more, at most at that pace. */
const REVUE = 30_000;

let minuteur = 0;
let enVol = false;
let encore = false;
let derniere = performance.now();

const lien = () => document.getElementById("avis-lien");

function poser(neuf) {
  const actuel = lien();
  const [avant, apres] = [Number(actuel.dataset.nonLus), Number(neuf.dataset.nonLus)];
  actuel.innerHTML = neuf.innerHTML;
  actuel.dataset.nonLus = neuf.dataset.nonLus;
  if (apres > avant) annoncer(apres === 1 ? "Un avis non lu" : `${apres} avis non lus`);
}

async function demander() {
  minuteur = 0;
  if (enVol) {
    encore = true;
    return;
  }
  enVol = true;
  encore = false;
  derniere = performance.now();
  try {
    const reponse = await fetch(lien().dataset.fragmentAvis, {
      headers: { accept: "text/html", "x-fragment": "1" }, cache: "no-store", signal: AbortSignal.timeout(4000),
    });
    const texte = reponse.ok && !reponse.redirected ? await reponse.text() : "";
    const neuf = new DOMParser().parseFromString(texte, "text/html").getElementById("avis-lien");
    if (neuf) poser(neuf);
  } catch {
    // The next frame, or the next look at the tab, asks again.
  } finally {
    enVol = false;
    if (encore) compter(0);
  }
}

function compter(dispersion = DISPERSION) {
  if (minuteur || flux.arret) return;
  minuteur = setTimeout(demander, Math.random() * dispersion);
}

if (lien()) {
  document.addEventListener("flux:avis", () => compter());
  // Marked as read by this page.
  document.addEventListener("action:faite", ({ detail }) => {
    if (!detail.adresse.startsWith("/agent/avis/")) return;
    compter(0);
    for (const r of flux.regions) if ("avis" in r.element.dataset) r.rafraichir(0);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && performance.now() - derniere > REVUE) compter();
  });
  addEventListener("pageshow", (e) => { if (e.persisted) compter(); });
}
