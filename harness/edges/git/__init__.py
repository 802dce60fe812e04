"""Git, asked through its own program."""

from harness.edges.git.blobs import Blobs
from harness.edges.git.changes import ChangeKind, FileChange
from harness.edges.git.program import git_output, who
from harness.edges.git.repository import Repository, open_repository

__all__ = ["Blobs", "ChangeKind", "FileChange", "Repository", "git_output", "open_repository", "who"]
