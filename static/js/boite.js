// The mailbox completes itself while it is looked at; the frame of a message is as tall as the message.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { annoncer, flasher } from "./annonces.js";

const INTERVALLE = 4000;
const liste = () => document.getElementById("boite-liste");
const cles = () => new Set([...document.querySelectorAll("[data-cle]")].map((e) => e.dataset.cle));

async function actualiser() {
  const ancienne = liste();
  const reponse = await fetch(ancienne.dataset.boite, { cache: "no-store", signal: AbortSignal.timeout(INTERVALLE) });
  if (!reponse.ok) return;
  const neuve = new DOMParser().parseFromString(await reponse.text(), "text/html").getElementById("boite-liste");
  if (!neuve || neuve.innerHTML === ancienne.innerHTML) return;
  const avant = cles();
  Idiomorph.morph(ancienne, neuve, { morphStyle: "outerHTML" });
  const arrives = [...document.querySelectorAll("[data-cle]")].filter((e) => !avant.has(e.dataset.cle));
  for (const message of arrives.slice(0, 5)) flasher(message);
  if (arrives.length === 1) annoncer(`Nouveau message : ${(arrives[0].querySelector(".boite-message__sujet") ?? arrives[0].firstElementChild).textContent}`);
  else if (arrives.length > 1) annoncer(`${arrives.length} nouveaux messages`);
}

async function veiller() {
  if (!document.hidden) await actualiser().catch(() => {});
  setTimeout(veiller, INTERVALLE);
}

if (liste()) {
  const phrase = document.querySelector("[data-boite-direct]");
  if (phrase) phrase.hidden = false;
  setTimeout(veiller, INTERVALLE);
}

for (const cadre of document.querySelectorAll("iframe[data-cadre]")) {
  const ajuster = () => {
    const racine = cadre.contentDocument?.documentElement;
    if (racine) cadre.style.height = `${Math.max(160, racine.scrollHeight + 4)}px`;
  };
  cadre.addEventListener("load", ajuster);
  addEventListener("resize", ajuster);
  ajuster();
}
