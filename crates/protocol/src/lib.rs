//! The pointsman.v1 protocol: subjects, frames, codes, and their JSON and postcard forms.
