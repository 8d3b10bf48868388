/* The reader's theme, before anything is drawn. Without storage (some browsers refuse it to files), it lasts a page. */
(function () {
  "use strict";
  var racine = document.documentElement;
  function lu() { try { return localStorage.getItem("theme"); } catch (e) { return null; } }
  function garde(v) { try { localStorage.setItem("theme", v); } catch (e) { return; } }
  var choisi = lu();
  if (choisi === "sombre" || choisi === "clair") racine.dataset.theme = choisi;
  document.addEventListener("DOMContentLoaded", function () {
    var bouton = document.getElementById("bascule");
    function sombre() {
      return racine.dataset.theme ? racine.dataset.theme === "sombre" : matchMedia("(prefers-color-scheme: dark)").matches;
    }
    function dire() { bouton.textContent = sombre() ? "Thème clair" : "Thème sombre"; }
    bouton.hidden = false;
    dire();
    bouton.addEventListener("click", function () {
      racine.dataset.theme = sombre() ? "clair" : "sombre";
      garde(racine.dataset.theme);
      dire();
    });
  });
})();
