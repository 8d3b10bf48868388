-- une ligne par valeur, livraison et rôle : la vue `lignage`, sous son nom anglais
SELECT * FROM lignage
