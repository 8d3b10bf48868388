/* Quarters side by side: a table by theme, bars for what compares; the choice is in the page's address, after the #. */
var QPV = (function () {
  "use strict";
  var SORTES = ["commune", "epci", "comparables", "mediane"];
  var indicateurs = [], quartiers = {}, demandes = {};
  function element(id) { return document.getElementById(id); }
  function noeud(nom, classe, texte) {
    var n = document.createElement(nom);
    if (classe) n.className = classe;
    if (texte !== undefined) n.textContent = texte;
    return n;
  }
  function selects() { return [].slice.call(document.querySelectorAll("#choix select")); }
  function choisis() {
    var vus = {};
    return selects().map(function (s) { return s.value; }).filter(function (c) {
      if (!c || vus[c]) return false;
      vus[c] = true;
      return true;
    });
  }
  function lisible(code) {
    try { return decodeURIComponent(code); } catch (e) { return ""; } // an address cut in the middle of a letter
  }
  function adresse() {
    var dit = /[?#&]q=([^&#]*)/.exec(location.hash) || /[?&]q=([^&#]*)/.exec(location.search);
    var connus = Array.from(selects()[0].options, function (o) { return o.value; });
    return (dit ? dit[1].split(/,|%2C/i) : []).map(lisible).filter(function (c, n, tous) {
      return c && connus.indexOf(c) >= 0 && tous.indexOf(c) === n;
    });
  }
  function lire() {
    var codes = adresse(), liste = selects();
    liste.forEach(function (s, n) {
      s.value = codes[n] || "";
      if (s.selectedIndex < 0) s.value = "";
    });
    demander();
  }
  function demander() {
    var reste = choisis().filter(function (c) { return !quartiers[c]; });
    if (!reste.length) return montrer();
    reste.forEach(function (code) {
      if (demandes[code]) return;
      demandes[code] = true;
      var option = element("q0").querySelector('option[value="' + CSS.escape(code) + '"]');
      var s = document.createElement("script");
      s.src = "donnees/quartiers/" + option.dataset.fichier + ".js";
      document.body.append(s);
    });
  }
  function reperes(choix, id) {
    /* What is beside the quarters, once each, in the order of the sorts. Two things of one name (« ses 2 communes »,
       « quartiers comparables ») say whose they are. */
    var rangs = [], noms = new Map();
    choix.forEach(function (q) {
      (q.valeurs[id] ? q.valeurs[id][4] : []).forEach(function (b) {
        var meme = rangs.find(function (r) { return r.nom === b[0] && r.mots === b[1]; });
        if (meme) return meme.pour.push(q.nom);
        rangs.push({ nom: b[0], mots: b[1], sorte: SORTES.indexOf(b[2]), pour: [q.nom] });
        noms.set(b[0], (noms.get(b[0]) || 0) + 1);
      });
    });
    rangs.sort(function (a, b) { return a.sorte - b.sorte; });
    return rangs.map(function (r) {
      return r.nom + (noms.get(r.nom) > 1 ? " (" + r.pour.join(", ") + ")" : "") + "\u00a0: " + r.mots;
    });
  }
  function cellule(v, plus, compare) {
    var td = noeud("td", "n");
    if (!v) { td.append(noeud("span", "absent", "sans valeur")); return td; }
    if (v[1] === null) { td.append(noeud("span", "absent" + (v[2] ? " cachee" : ""), v[0])); return td; }
    td.append(noeud("span", "", v[0]));
    if (compare && plus > 0) {
      var jauge = noeud("span", "reglette"), barre = noeud("span");
      barre.style.width = Math.round(100 * Math.abs(v[1]) / plus) + "%";
      jauge.append(barre);
      td.append(jauge);
    }
    if (v[3]) td.append(noeud("span", "ecart", v[3]));
    return td;
  }
  function tete(choix) {
    var thead = noeud("thead"), tr = noeud("tr"), th = noeud("th", "", "Indicateur");
    th.scope = "col";
    tr.append(th);
    choix.forEach(function (q) {
      var c = noeud("th", "n"), a = noeud("a", "", q.nom);
      c.scope = "col";
      a.href = "quartiers/" + q.fichier + ".html";
      c.append(a, noeud("span", "quand", q.communes.join(", ")));
      tr.append(c);
    });
    var dernier = noeud("th", "n", "Pour comparer");
    dernier.scope = "col";
    tr.append(dernier);
    thead.append(tr);
    return thead;
  }
  function ligne(i, choix) {
    var valeurs = choix.map(function (q) { return q.valeurs[i[0]]; }), autour = reperes(choix, i[0]);
    var plus = Math.max.apply(null, valeurs.map(function (v) { return v ? Math.abs(v[1] || 0) : 0; }));
    var tr = noeud("tr"), th = noeud("th"), a = noeud("a", "", i[1]), fin = noeud("td", "n");
    th.scope = "row";
    a.href = "indicateurs/" + i[4] + ".html";
    th.append(a, noeud("span", "quand", " " + i[2]));
    tr.append(th);
    valeurs.forEach(function (v) { tr.append(cellule(v, plus, i[5])); });
    autour.forEach(function (mots) { fin.append(noeud("span", "contre", mots)); });
    tr.append(fin);
    return tr;
  }
  function montrer() {
    var choix = choisis().map(function (c) { return quartiers[c]; }), seuls = element("seuls").checked;
    if (choix.some(function (q) { return !q; })) return;
    var cible = element("resultat");
    if (!choix.length) {
      element("annonce").textContent = "Aucun quartier n'est choisi.";
      return cible.replaceChildren();
    }
    var table = noeud("table", "comparaison"), avant = null, corps = null;
    table.append(noeud("caption", "", choix.map(function (q) { return q.nom; }).join(", ")), tete(choix));
    indicateurs.forEach(function (i) {
      if (seuls && !i[5]) return;
      if (!choix.some(function (q) { return q.valeurs[i[0]]; })) return;
      if (i[6] !== avant) {
        corps = noeud("tbody");
        var tr = noeud("tr", "groupe"), th = noeud("th", "", i[6]);
        th.scope = "colgroup";
        th.colSpan = choix.length + 2;
        tr.append(th);
        corps.append(tr);
        table.append(corps);
        avant = i[6];
      }
      corps.append(ligne(i, choix));
    });
    cible.replaceChildren(table);
    element("annonce").textContent = choix.length === 1 ? "Un quartier et ce qui l'entoure ; choisissez-en un autre."
      : choix.length + " quartiers comparés.";
  }
  return {
    indicateurs: function (lignes) {
      indicateurs = lignes;
      element("choix").hidden = false;
      element("choix").addEventListener("submit", function (e) { e.preventDefault(); });
      selects().forEach(function (s) {
        s.addEventListener("change", function () {
          var codes = choisis().map(encodeURIComponent).join(",");
          if (location.hash !== "#q=" + codes) location.hash = "q=" + codes; else demander();
        });
      });
      element("seuls").addEventListener("change", montrer);
      window.addEventListener("hashchange", lire);
      lire();
    },
    quartier: function (q) {
      quartiers[q.code] = q;
      montrer();
    }
  };
})();
