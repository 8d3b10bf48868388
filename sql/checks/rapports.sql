-- une ligne par rapport qui n'est pas celui de ses deux termes
-- gravite: alerte
-- titre: Une moyenne, une part ou un taux est le rapport de ses deux termes, à l'arrondi près
SELECT v.indicateur, v.modalite, v.zonage, v.code_zone, v.periode, v.valeur, v.numerateur, v.denominateur
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
WHERE i.nature IN ('moyenne', 'part', 'taux') AND v.valeur IS NOT NULL AND v.denominateur > 0
  AND abs(v.valeur - coalesce(i.facteur, 1) * v.numerateur / v.denominateur) > 1.001 * 10 ** -i.decimales
