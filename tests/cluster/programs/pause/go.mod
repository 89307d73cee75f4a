module pluszero-mlops/pause

go 1.26.0
