// « Contact »: an answer reveals the next question at once, and the field of the commune proposes names as one types.
// The server decides everything: the same GET as the button, laid over the page, so that the address holds the choices.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { annoncer } from "./annonces.js";
import { brancherCommunes } from "./communes.js";

const corps = () => document.getElementById("contact");
let enVol = null;

const questions = () => [...corps().querySelectorAll(".question")].map((q) => q.id);

async function reveler(form) {
  enVol?.abort();
  enVol = new AbortController();
  const donnees = new URLSearchParams([...new FormData(form)].filter(([nom, v]) => v !== "" && nom !== "demande"));
  const url = `${form.getAttribute("action")}?${donnees}`;
  const avant = questions();
  try {
    const reponse = await fetch(url, { headers: { accept: "text/html" }, signal: enVol.signal });
    if (!reponse.ok || reponse.redirected) return;
    const neuf = new DOMParser().parseFromString(await reponse.text(), "text/html").getElementById("contact");
    if (!neuf) return;
    Idiomorph.morph(corps(), neuf, { morphStyle: "outerHTML" });
    history.replaceState(null, "", url);
    brancher();
    const revelees = questions().filter((id) => !avant.includes(id));
    const legende = revelees.length ? document.getElementById(revelees[0]).querySelector("legend") : null;
    const issues = document.getElementById("issues-titre");
    if (legende) annoncer(legende.textContent.replace("*", "").trim());
    else if (issues) annoncer(issues.textContent.trim());
  } catch (cause) {
    // Without an answer the button still leads on.
    if (cause.name !== "AbortError") console.error(cause);
  }
}

function brancher() {
  corps().classList.add("contact--vif");
  for (const champ of corps().querySelectorAll("[data-communes]")) brancherCommunes(champ);
}

corps().addEventListener("change", (e) => {
  const form = e.target.closest("[data-contact]");
  if (form && e.target.matches('input[type="radio"]')) reveler(form);
});
brancher();
