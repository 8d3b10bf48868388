/* The territory's map: perimeters over nothing, coloured by the indicator that is chosen; the list says the same. */
var QPV = (function () {
  "use strict";
  var etat = { zones: null, communes: null, indicateurs: {}, carte: null, couche: null, voulu: null };
  function element(id) { return document.getElementById(id); }
  function geojson(coordonnees, proprietes) {
    return { type: "Feature", properties: proprietes, geometry: { type: "MultiPolygon", coordinates: coordonnees } };
  }
  function noeud(nom, classe, texte) {
    var n = document.createElement(nom);
    if (classe) n.className = classe;
    if (texte !== undefined) n.textContent = texte;
    return n;
  }
  function ouvrir() {
    if (etat.carte || !window.L || !etat.zones.length) return;
    if (marques().length) element("carte-dessinee").classList.add("sur-papier-seul");
    else element("carte-dessinee").hidden = true;
    element("carte-vive").hidden = false;
    etat.carte = L.map("carte-vive", { attributionControl: false, zoomSnap: 0.25 });
    etat.carte.getContainer().setAttribute("role", "region");
    etat.carte.getContainer().setAttribute("aria-label", "Carte des quartiers ; la liste dit la même chose");
    var fond = L.geoJSON(etat.communes.map(function (c) { return geojson(c[2], { nom: c[1] }); }),
      { style: function () { return { className: "commune", weight: 1, fillOpacity: 1 }; }, interactive: false }).addTo(etat.carte);
    etat.couche = L.geoJSON(etat.zones.map(function (z) { return geojson(z[3], { code: z[0], nom: z[1], fichier: z[2] }); }),
      { style: function () { return { className: "quartier rien", weight: 1, fillOpacity: 1 }; },
        onEachFeature: function (f, couche) {
          couche.on("click", function () { location.href = "quartiers/" + f.properties.fichier + ".html"; });
        } }).addTo(etat.carte);
    var cadre = (etat.zones.length > 120 || !etat.communes.length ? etat.couche : fond).getBounds();
    etat.carte.fitBounds(cadre.extend(etat.couche.getBounds()), { padding: [12, 12] });
    etat.carte.getPane("overlayPane").querySelectorAll("svg").forEach(function (s) { s.setAttribute("aria-hidden", "true"); });
  }
  /* The drawing's own marks, by quarter: it is what is printed, where it has them. */
  function marques() { return Array.from(element("carte-dessinee").querySelectorAll("a[data-code]")); }
  function montrer(i) {
    var par = {};
    i.rang.forEach(function (r) { par[r[0]] = r; });
    if (etat.couche) etat.couche.eachLayer(function (couche) {
      var p = couche.feature.properties, r = par[p.code] || [p.code, "rien", "sans valeur", 0];
      var trait = couche.getElement();
      if (trait) trait.setAttribute("class", "leaflet-interactive quartier " + r[1]);
      couche.unbindTooltip();
      couche.bindTooltip(noeud("span", "", p.nom + " : " + r[2]), { sticky: true });
      if (trait) trait.setAttribute("tabindex", "-1"); /* the list is for the keyboard: it says as much, and leads there */
    });
    marques().forEach(function (a) {
      a.firstElementChild.setAttribute("class", "quartier " + (par[a.dataset.code] || ["", "rien"])[1]);
    });
    legende(i);
    liste(i, par);
    element("titre-carte").textContent = i.titre + ", " + i.periode_ecrite;
    var lien = element("lien-indicateur");
    lien.href = "indicateurs/" + i.fichier + ".html";
  }
  function legende(i) {
    var ul = noeud("ul", "legende");
    ul.setAttribute("aria-label", "Légende : " + i.unite);
    i.legende.forEach(function (l) {
      var li = noeud("li");
      li.append(noeud("i", l[0]), l[1]);
      ul.append(li);
    });
    element("legende").replaceChildren(ul);
  }
  function liste(i) {
    var noms = {};
    etat.zones_toutes.forEach(function (z) { noms[z[0]] = z; });
    var table = noeud("table", "rang"), corps = noeud("tbody"), tete = noeud("thead"), ligne = noeud("tr");
    table.append(noeud("caption", "", i.titre + ", du plus grand au plus petit"));
    [["Quartier", ""], [i.unite, "n"]].forEach(function (c) {
      var th = noeud("th", c[1], c[0]);
      th.scope = "col";
      ligne.append(th);
    });
    ligne.append(noeud("td", "jauge"));
    tete.append(ligne);
    i.rang.forEach(function (r) {
      var tr = noeud("tr"), th = noeud("th"), a = noeud("a", "", noms[r[0]][1]), td = noeud("td", "n"), jauge = noeud("td", "jauge");
      th.scope = "row";
      a.href = "quartiers/" + noms[r[0]][2] + ".html";
      th.append(a);
      if (r[1] === "cache" || r[1] === "rien") td.append(noeud("span", "absent" + (r[1] === "cache" ? " cachee" : ""), r[2]));
      else td.textContent = r[4];
      if (r[3]) {
        var barre = noeud("span");
        barre.style.width = r[3] + "%";
        jauge.append(barre);
      }
      tr.append(th, td, jauge);
      corps.append(tr);
    });
    table.append(tete, corps);
    element("rang").replaceChildren(table);
  }
  function demander(id) {
    etat.voulu = id;
    if (etat.indicateurs[id]) return montrer(etat.indicateurs[id]);
    var s = document.createElement("script");
    s.src = "donnees/carte/" + id + ".js";
    document.body.append(s);
  }
  return {
    perimetres: function (d) {
      etat.zones_toutes = d.quartiers;
      etat.zones = d.quartiers.filter(function (z) { return z[3]; });
      etat.communes = d.communes;
      var choix = element("choix");
      if (!choix) return;
      choix.disabled = false;
      element("choisir").hidden = false;
      choix.addEventListener("change", function () { demander(choix.value); });
      ouvrir();
    },
    indicateur: function (i) {
      etat.indicateurs[i.fichier] = i;
      var choix = element("choix");
      if (etat.voulu && etat.voulu !== i.fichier) return;
      if (!etat.voulu && choix.value !== i.fichier) return demander(choix.value);
      montrer(i);
    }
  };
})();
