"""A bank's metadata in the words of MLCommons Croissant 1.0 (https://docs.mlcommons.org/croissant)."""

from collections.abc import Mapping

import pyarrow as pa

KINDS = {pa.float32(): "sc:Float", pa.int8(): "sc:Integer", pa.int32(): "sc:Integer",
         pa.bool_(): "sc:Boolean", pa.binary(): "sc:Text"}
LICENCE = "https://spdx.org/licenses/MIT"  # of rendered heads and what is made of them
CONTEXT = {
    "@language": "en", "@vocab": "https://schema.org/", "citeAs": "cr:citeAs",
    "column": "cr:column", "conformsTo": "dct:conformsTo", "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileProperty": "cr:fileProperty", "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet", "format": "cr:format", "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset", "jsonPath": "cr:jsonPath", "key": "cr:key",
    "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "recordSet": "cr:recordSet", "references": "cr:references", "regex": "cr:regex",
    "equivalentProperty": "cr:equivalentProperty", "samplingRate": "cr:samplingRate",
    "repeated": "cr:repeated", "replace": "cr:replace", "sc": "https://schema.org/",
    "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(schema: Mapping[str, Mapping], facts: Mapping) -> dict:
    """The JSON-LD of a bank.

    Args:
        schema: file -> column -> (its kind in Arrow's words, a line on it).
        facts: of its files, faces, nets and methods; see `bank`.
    """
    files, sets = [], []
    for name, columns in schema.items():
        own = facts["files"][name]
        files.append({"@type": "cr:FileObject", "@id": f"{name}.parquet",
                      "name": f"{name}.parquet", "contentUrl": f"{name}.parquet",
                      "contentSize": f"{own['bytes']} B", "sha256": own["sha256"],
                      "encodingFormat": "application/x-parquet"})
        sets.append({"@type": "cr:RecordSet", "@id": name, "name": name, "field": [
            {"@type": "cr:Field", "@id": f"{name}/{column}", "name": column,
             "description": says, **_kind(kind),
             "source": {"fileObject": {"@id": f"{name}.parquet"}, "extract": {"column": column}}}
            for column, (kind, says) in columns.items()]})
    licence = {"license": LICENCE} if facts["rendered"] else {}
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "name": "IRAM-attribution-bank",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "description": f"Maps of {len({m for own in facts['methods'].values() for m in own})} "
                       f"attribution methods on {facts['faces']} faces ({facts['dataset']}) by "
                       f"{len(facts['models'])} nets for facial expressions, their scores, and "
                       "exact Shapley values of the parts of the face.",
        "version": "1.0.0", **licence,
        "distribution": files, "recordSet": sets,
    }


def _kind(kind: pa.DataType) -> dict:
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        return {"dataType": KINDS[kind.value_type], "repeated": True}
    return {"dataType": KINDS.get(kind, "sc:Text")}
