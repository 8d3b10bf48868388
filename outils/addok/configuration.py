"""Configuration of Addok for French addresses, read through ADDOK_CONFIG_MODULE. Nothing that is asked is logged."""

QUERY_PROCESSORS_PYPATHS = [
    "addok.helpers.text.check_query_length",
    "addok_france.extract_address",
    "addok_france.clean_query",
    "addok_france.remove_leading_zeros",
]
PROCESSORS_PYPATHS = [
    "addok.helpers.text.tokenize",
    "addok.helpers.text.normalize",
    "addok_france.glue_ordinal",
    "addok_france.fold_ordinal",
    "addok_france.flag_housenumber",
    "addok.helpers.text.synonymize",
    "addok_fr.phonemicize",
]
SEARCH_RESULT_PROCESSORS_PYPATHS = [
    "addok.helpers.results.match_housenumber",
    "addok_france.make_labels",
    "addok.helpers.results.score_by_importance",
    "addok.helpers.results.score_by_autocomplete_distance",
    "addok.helpers.results.score_by_ngram_distance",
    "addok.helpers.results.score_by_geo_distance",
    "addok.helpers.results.adjust_scores",
]
# Neither completion of half-typed words nor search around a point here: their indexes are most of the time and memory.
INDEXERS_PYPATHS = [
    "addok.helpers.index.FieldsIndexer",
    "addok.pairs.PairsIndexer",
    "addok.helpers.index.FiltersIndexer",
]
DOCUMENT_STORE_PYPATH = "addok_sqlite_store.SQLiteStore"
FILTERS = ["type", "postcode", "citycode"]
ATTRIBUTION = "BAN"
LICENCE = "Licence Ouverte 2.0"
LOG_QUERIES = False
LOG_NOT_FOUND = False
SLOW_QUERIES = False
