// A code that cannot be read is changed in place: nothing else of the page moves, and the field is ready.

const bloc = document.querySelector("[data-captcha]");

async function changer(bouton) {
  const corps = new URLSearchParams(new FormData(bouton.form));
  corps.set(bouton.name, bouton.value);
  const reponse = await fetch(bouton.formAction, {
    method: "POST", body: corps, headers: { accept: "application/json" }, signal: AbortSignal.timeout(8000),
  });
  if (!reponse.ok) throw new Error(`HTTP ${reponse.status}`);
  const { jeton, image, son } = await reponse.json();
  bloc.querySelector("input[name=captcha_jeton]").value = jeton;
  bloc.querySelector("[data-captcha-image]").src = image;
  const lecteur = bloc.querySelector("[data-captcha-son]");
  if (lecteur && son) lecteur.src = son;
  else lecteur?.remove();
  const champ = bloc.querySelector("input[name=captcha]");
  champ.value = "";
  champ.focus();
}

bloc?.querySelector("[data-captcha-renouveler]").addEventListener("click", (e) => {
  e.preventDefault();
  const bouton = e.currentTarget;
  if (bouton.getAttribute("aria-busy") === "true") return;
  const annonce = bloc.querySelector("[data-captcha-annonce]");
  bouton.setAttribute("aria-busy", "true");
  annonce.textContent = "";
  changer(bouton)
    .then(() => { annonce.textContent = annonce.dataset.change; })
    .catch(() => { annonce.textContent = annonce.dataset.echec; })
    .finally(() => bouton.removeAttribute("aria-busy"));
});
