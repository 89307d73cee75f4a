"""What a face's body imports is there in its image's environment; tests/components/test_faces.py has the others."""

from tests.components.face_sources import faces_of


def test_jobs_of_the_validation_image_can_be_imported_here(repository):
    faces = [face for face in faces_of(repository) if face.image == "validation"]
    assert {"validate_examples", "quality_gate"} <= {face.name for face in faces}
    for face in faces:
        assert callable(face.imported_job())
