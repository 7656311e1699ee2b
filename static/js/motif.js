// Step 1: an answer reveals the next question at once. The server decides which: the same GET as the button, laid over the
// page, so that the address always holds the choices and the focus stays where it is.

import { Idiomorph } from "../vendor/idiomorph/idiomorph.esm.js";
import { annoncer } from "./annonces.js";
import { mot } from "./mots.js";

const form = document.querySelector("[data-revele]");
let enVol = null;

const questions = () => [...form.querySelectorAll(".question")].map((q) => q.id);

async function reveler() {
  enVol?.abort();
  enVol = new AbortController();
  const donnees = new URLSearchParams([...new FormData(form)].filter(([nom, v]) => v !== "" && nom !== "demande"));
  const url = `${form.getAttribute("action")}?${donnees}`;
  const avant = questions();
  try {
    const reponse = await fetch(url, { headers: { accept: "text/html" }, signal: enVol.signal });
    if (!reponse.ok || reponse.redirected) return;
    const neuf = new DOMParser().parseFromString(await reponse.text(), "text/html").getElementById(form.id);
    if (!neuf) return;
    Idiomorph.morph(form, neuf, { morphStyle: "outerHTML" });
    history.replaceState(null, "", url);
    const revelees = questions().filter((id) => !avant.includes(id));
    const legende = revelees.length ? document.getElementById(revelees[0]).querySelector("legend") : null;
    if (legende) annoncer(mot("Question suivante : {question}", { question: legende.textContent.replace("*", "").trim() }));
  } catch (cause) {
    // Without an answer the button still leads on.
    if (cause.name !== "AbortError") console.error(cause);
  }
}

form?.addEventListener("change", (e) => { if (e.target.matches('input[type="radio"]')) reveler(); });
