"""Why a prediction is wrong: suspected causes with their evidence, and which errors are alike."""
