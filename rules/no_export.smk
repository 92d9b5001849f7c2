# The target `export` of studies that train nothing.


rule export:
    input:
        nothing_to_export,
