-- une ligne par valeur négative
-- gravite: arret
-- titre: Un compte n'est jamais négatif, ni un dénominateur
SELECT v.indicateur, v.modalite, v.zonage, v.code_zone, v.periode, v.valeur, v.denominateur
FROM valeurs v
JOIN indicateurs i ON i.indicateur = v.indicateur
WHERE (i.nature = 'compte' AND v.valeur < 0) OR v.denominateur < 0
