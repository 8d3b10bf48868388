-- une ligne par clé en double
-- gravite: arret
-- titre: Une seule livraison attendue par jeu et période
SELECT jeu, periode, count(*) AS lignes
FROM livraisons
GROUP BY jeu, periode
HAVING count(*) > 1
