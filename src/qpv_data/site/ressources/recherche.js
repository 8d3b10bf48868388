/* What the page « Mon adresse » knows without a page: reading what is typed, finding streets and numbers, answering for
   a point. Nothing here touches the document or the network. */
var QPVRecherche = (function () {
  "use strict";
  var TYPES = { all: "allee", av: "avenue", ave: "avenue", bd: "boulevard", bld: "boulevard", blvd: "boulevard", bvd: "boulevard",
    ch: "chemin", che: "chemin", chem: "chemin", crs: "cours", fbg: "faubourg", fg: "faubourg", ham: "hameau", imp: "impasse",
    lot: "lotissement", pass: "passage", pl: "place", prom: "promenade", r: "rue", res: "residence", rte: "route", sen: "sentier",
    sq: "square", tra: "traverse", vla: "villa", zac: "zone" };
  var PARTOUT = { st: "saint", ste: "sainte", sts: "saints", stes: "saintes", gal: "general", gl: "general", mal: "marechal",
    cdt: "commandant", col: "colonel", cne: "capitaine", lt: "lieutenant", dr: "docteur", pr: "professeur", prof: "professeur",
    pdt: "president", pt: "pont", gd: "grand", gde: "grande", vx: "vieux" };
  var VIDES = { de: 1, du: 1, des: 1, d: 1, la: 1, le: 1, les: 1, l: 1, a: 1, au: 1, aux: 1, et: 1 };
  var RAYON = 6371008.8, SANS = -1;

  /* « L'Œuvre-aux-Songes » → « l oeuvre aux songes » */
  function simple(texte) {
    return String(texte).toLowerCase().replace(/œ/g, "oe").replace(/æ/g, "ae").replace(/ß/g, "ss").normalize("NFD")
      .replace(/[\u0300-\u036f]/g, "").replace(/[^\p{L}\p{N}]+/gu, " ").trim();
  }
  function decoupe(texte) { var s = simple(texte); return s ? s.split(" ") : []; }
  /* The words that a word may stand for: itself, and what it shortens. */
  function lectures(mot, premier) {
    var long = Object.hasOwn(PARTOUT, mot) ? PARTOUT[mot] : premier && Object.hasOwn(TYPES, mot) ? TYPES[mot] : null;
    return long ? [mot, long] : [mot];
  }
  function lus(mots) { return mots.map(function (m, i) { return lectures(m, i === 0); }); }
  function utiles(mots) {
    var pleins = mots.filter(function (m) { return !Object.hasOwn(VIDES, m[0]); });
    return pleins.length ? pleins : mots;
  }

  /* Tokens of numbers, as they are written in the file: 1-15 odd, 1~15 all, 12.bis, * */
  function numeros(texte) {
    var trouves = [];
    (texte ? texte.split(" ") : []).forEach(function (jeton) {
      var point = jeton.indexOf("."), tete = point < 0 ? jeton : jeton.slice(0, point);
      var suffixe = point < 0 ? "" : decodeURIComponent(jeton.slice(point + 1));
      if (tete === "*") trouves.push([SANS, suffixe]);
      else if (point >= 0) trouves.push([Number(tete), suffixe]);
      else {
        var tous = tete.indexOf("~") > 0, bornes = tete.split(tous ? "~" : "-").map(Number);
        for (var n = bornes[0]; n <= bornes[bornes.length - 1]; n += tous ? 1 : 2) trouves.push([n, ""]);
      }
    });
    return trouves;
  }
  /* The same for readers. */
  function parles(texte) {
    return texte.split(" ").map(function (jeton) {
      var point = jeton.indexOf("."), tete = point < 0 ? jeton : jeton.slice(0, point);
      var suffixe = point < 0 ? "" : decodeURIComponent(jeton.slice(point + 1));
      if (tete === "*") return ("sans numéro " + suffixe).trim();
      if (tete.indexOf("~") > 0) return tete.replace("~", " à ");
      if (tete.indexOf("-") > 0) return tete.replace("-", " à ") + (parseInt(tete, 10) % 2 ? " (impairs)" : " (pairs)");
      return (tete + " " + suffixe).trim();
    }).join(", ");
  }

  /* A street after its number: « 12 rue des Ombres », whatever the capitals of the file. */
  function suite(nom) {
    var premier = decoupe(nom)[0];
    var type = premier === "quai" || premier === "cour" || premier === "montee" || premier === "sente" || Object.values(TYPES).indexOf(premier) >= 0;
    return type ? nom.charAt(0).toLowerCase() + nom.slice(1) : nom;
  }

  /* A commune's file, ready to be searched. */
  function ouvrir(d) {
    return { code: d.code, nom: d.nom, postaux: d.postaux, reponses: d.reponses, voies: d.voies.map(function (v) {
      var morceaux = [];
      for (var i = 3; i < v.length; i += 2) morceaux.push([d.reponses[v[i]], v[i + 1]]);
      return { nom: v[0], postal: d.postaux[v[1]], ancienne: d.anciennes[v[2]], morceaux: morceaux, lus: lus(decoupe(v[0])) };
    }) };
  }
  /* Every number of a street, in order: [number, suffix, answer]. */
  function adresses(voie) {
    var toutes = [];
    voie.morceaux.forEach(function (m) { numeros(m[1]).forEach(function (n) { toutes.push([n[0], n[1], m[0]]); }); });
    return toutes.sort(function (a, b) { return a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0); });
  }

  /* « 12 bis rue X », « 12bis, rue X », « rue X 12 », « rue du 8 mai »: every way to read it. */
  function lire(mots) {
    var lus = [{ n: null, s: "", mots: mots }], m;
    function numero(n, s, reste) { if (reste.length) lus.push({ n: Number(n), s: s, mots: reste }); }
    if ((m = /^(\d{1,5})([^\d].{0,9})?$/.exec(mots[0] || ""))) {
      numero(m[1], m[2] || "", mots.slice(1));
      if (!m[2] && /^(bis|ter|quater|quinquies|[a-z]\d?)$/.test(mots[1] || "")) numero(m[1], mots[1], mots.slice(2));
    } else if (mots.length > 1) {
      var fin = mots[mots.length - 1], avant = mots[mots.length - 2];
      if ((m = /^(\d{1,5})([^\d].{0,9})?$/.exec(fin))) numero(m[1], m[2] || "", mots.slice(0, -1));
      else if (/^(bis|ter|quater|[a-z])$/.test(fin) && /^\d{1,5}$/.test(avant)) numero(avant, fin, mots.slice(0, -2));
    }
    return lus;
  }
  function commence(choix, mot) {
    return choix.some(function (c) { return mot.some(function (m) { return m.slice(0, c.length) === c; }); });
  }
  /* One letter wrong, missing, too many or exchanged with its neighbour, in a word of five letters or more. */
  function proche(a, b) {
    if (a.length < 5 || Math.abs(a.length - b.length) > 1 || a === b) return a === b;
    var i = 0, j = 0;
    while (i < a.length && a[i] === b[i]) i++;
    while (j < a.length - i && j < b.length - i && a[a.length - 1 - j] === b[b.length - 1 - j]) j++;
    var ra = a.slice(i, a.length - j), rb = b.slice(i, b.length - j);
    return ra.length <= 1 && rb.length <= 1 || ra.length === 2 && rb.length === 2 && ra[0] === rb[1] && ra[1] === rb[0];
  }
  function ressemble(choix, mot) {
    return choix.some(function (c) { return mot.some(function (m) { return m.slice(0, c.length) === c || proche(c, m) || proche(c, m.slice(0, c.length)); }); });
  }
  /* How far a name is from the words: 0 the same, null when a word is not in it. */
  function ecart(voulus, nom, accepte) {
    var reste = nom.slice(), total = 0, suivi = true, rang = -1;
    for (var i = 0; i < voulus.length; i++) {
      var k = reste.findIndex(function (m) { return m && accepte(voulus[i], m); });
      if (k < 0) return null;
      if (k < rang) suivi = false;
      rang = k;
      if (reste[k].indexOf(voulus[i][voulus[i].length - 1]) < 0) total += 1;
      reste[k] = null;
    }
    return total + 2 * utiles(reste.filter(Boolean)).filter(function (m) { return !Object.hasOwn(VIDES, m[0]); }).length + (suivi ? 0 : 1);
  }

  /* The communes that the text names, each with the words that are left: after a comma, at the end, or by a postcode. */
  function communes(texte, index) {
    var trouvees = [], virgule = texte.lastIndexOf(",");
    var mots = decoupe(texte);
    function garder(c, reste, poids) { trouvees.push({ commune: c, mots: reste, poids: poids }); }
    index.forEach(function (c) {
      var nom = decoupe(c[1]), lue = lus(nom), fin = mots.slice(-nom.length);
      if (nom.length && fin.length === nom.length && mots.length > nom.length &&
        fin.every(function (m, i) { return lectures(m, i === 0).some(function (x) { return lue[i].indexOf(x) >= 0; }); })) {
        var avant = mots.slice(0, -nom.length);
        if (avant.length > 1 && /^\d{5}$/.test(avant[avant.length - 1]) && c[3].indexOf(avant[avant.length - 1]) >= 0) avant = avant.slice(0, -1);
        garder(c, avant, 0);
      } else if (virgule > 0) {
        var apres = decoupe(texte.slice(virgule + 1)), devant = decoupe(texte.slice(0, virgule));
        if (apres.length > 1 && c[3].indexOf(apres[0]) >= 0) apres = apres.slice(1);
        if (apres.length && devant.length && (c[3].indexOf(apres.join(" ")) >= 0 || ecart(utiles(lus(apres)), lue, commence) !== null)) garder(c, devant, 1);
      } else if (mots.length > 1 && c[3].indexOf(mots[mots.length - 1]) >= 0) garder(c, mots.slice(0, -1), 1);
    });
    return trouvees;
  }
  /* The communes whose file a search needs; null when it would be too many of them. */
  function necessaires(texte, index, choisie, peu) {
    if (choisie) return [choisie];
    var nommees = communes(texte, index).map(function (c) { return c.commune[0]; });
    if (index.length <= peu) return index.map(function (c) { return c[0]; });
    return nommees.length ? nommees : null;
  }
  /* Candidates, the best first: {commune, voie, numero: [n, suffix, answer] or null, voulu: what number was asked}. */
  function chercher(texte, index, ouvertes, choisie, max) {
    var pistes = communes(texte, index), trouves = candidats(commence);
    if (!trouves.length) trouves = candidats(ressemble);
    return trouves.slice(0, max || 10);
    function candidats(accepte) {
      var parVoie = new Map();
      index.forEach(function (c) {
        var ouverte = ouvertes[c[0]];
        if (!ouverte || (choisie && choisie !== c[0])) return;
        var lectures = [{ mots: decoupe(texte), poids: pistes.length && !choisie ? 3 : 0 }];
        pistes.forEach(function (p) { if (p.commune === c) lectures.push({ mots: p.mots, poids: p.poids }); });
        lectures.forEach(function (l) {
          lire(l.mots).forEach(function (lu) { voies(ouverte, lu, l.poids, accepte, parVoie); });
        });
      });
      return Array.from(parVoie.values()).sort(function (a, b) {
        return a.rang - b.rang || (a.voie.nom < b.voie.nom ? -1 : a.voie.nom > b.voie.nom ? 1 : 0) ||
          (a.commune.code < b.commune.code ? -1 : a.commune.code > b.commune.code ? 1 : 0) || a.ordre - b.ordre;
      });
    }
  }
  function voies(commune, lu, poids, accepte, parVoie) {
    var voulus = utiles(lus(lu.mots));
    if (!voulus.length) return;
    commune.voies.forEach(function (voie, place) {
      var loin = ecart(voulus, voie.lus, accepte);
      if (loin === null) return;
      function garder(cle, rang, numero, ordre) {
        var avant = parVoie.get(cle);
        if (!avant || avant.rang > rang) parVoie.set(cle, { commune: commune, voie: voie, numero: numero,
          voulu: lu.n === null ? null : [lu.n, lu.s], rang: rang, ordre: ordre });
      }
      var cle = commune.code + "\n" + place, rang = 10 * (loin + poids);
      if (lu.n === null) return garder(cle, rang + 5, null, 0);
      var memes = adresses(voie).filter(function (a) { return a[0] === lu.n; });
      if (!memes.length) return garder(cle, rang + 8, null, 0);
      memes.forEach(function (a, i) { garder(cle + "\n" + a[0] + "\n" + a[1], rang + (simple(a[1]) !== lu.s ? 2 : lu.s ? 0 : 1), a, i); });
    });
  }

  /* Geometry of the map: positions in degrees, areas as lists of polygons, each a shell and its holes. */
  function dans(lon, lat, aire) {
    return aire.some(function (polygone) {
      var dedans = false, bord = false;
      polygone.forEach(function (anneau) {
        for (var i = 0, j = anneau.length - 1; i < anneau.length; j = i++) {
          var x1 = anneau[j][0], y1 = anneau[j][1], x2 = anneau[i][0], y2 = anneau[i][1];
          var cote = (x2 - x1) * (lat - y1) - (y2 - y1) * (lon - x1);
          if (cote === 0 && Math.min(x1, x2) <= lon && lon <= Math.max(x1, x2) && Math.min(y1, y2) <= lat && lat <= Math.max(y1, y2)) bord = true;
          if ((y1 > lat) !== (y2 > lat) && (cote > 0) === (y2 > y1)) dedans = !dedans;
        }
      });
      return dedans || bord;
    });
  }
  /* Metres to the nearest edge, on the plane that touches the Earth there. */
  function metres(lon, lat, aire) {
    var ky = RAYON * Math.PI / 180, kx = ky * Math.cos(lat * Math.PI / 180), loin = Infinity;
    aire.forEach(function (polygone) {
      polygone.forEach(function (anneau) {
        for (var i = 0, j = anneau.length - 1; i < anneau.length; j = i++) {
          var ax = (anneau[j][0] - lon) * kx, ay = (anneau[j][1] - lat) * ky;
          var dx = (anneau[i][0] - lon) * kx - ax, dy = (anneau[i][1] - lat) * ky - ay;
          var t = dx || dy ? Math.max(0, Math.min(1, -(ax * dx + ay * dy) / (dx * dx + dy * dy))) : 0;
          loin = Math.min(loin, Math.hypot(ax + t * dx, ay + t * dy));
        }
      });
    });
    return loin;
  }
  /* The answer for a point of a commune, as a file's: two numbers a generation, then 0. `marge`: metres within which a
     limit is near. */
  function situer(lon, lat, commune, generations, zones, aires, marge) {
    var reponse = [];
    generations.forEach(function (generation, g) {
      if (generation.sans.indexOf(commune) >= 0) return reponse.push(-2, -1);
      var tenue = -1, pres = -1, plus = Infinity;
      zones.forEach(function (z, n) {
        if (z[2] !== g || !aires[n]) return;
        if (tenue < 0 && dans(lon, lat, aires[n])) tenue = n;
      });
      zones.forEach(function (z, n) {
        if (z[2] !== g || !aires[n] || (tenue >= 0 && n !== tenue)) return;
        var loin = metres(lon, lat, aires[n]);
        if (loin <= marge && loin < plus) { plus = loin; pres = n; }
      });
      reponse.push(tenue, pres);
    });
    return reponse.concat(0);
  }
  /* « 46,82 ; 1,97 », « 46.82, 1.97 », « 46,82 1,97 » → [lat, lon]; null for anything else. */
  function coordonnees(texte) {
    var m = /^\s*([+-]?\d{1,3}(?:[.,]\d+)?)\s*(?:[;,]\s+|;|\s+|,(?=\s*[+-]?\d+\.))\s*([+-]?\d{1,3}(?:[.,]\d+)?)\s*$/.exec(texte);
    if (!m) return null;
    var lat = Number(m[1].replace(",", ".")), lon = Number(m[2].replace(",", "."));
    return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? [lat, lon] : null;
  }
  return { simple: simple, numeros: numeros, parles: parles, suite: suite, ouvrir: ouvrir, adresses: adresses, communes: communes,
    necessaires: necessaires, chercher: chercher, dans: dans, metres: metres, situer: situer, coordonnees: coordonnees };
})();
