import os
import sys
from typing import Annotated

import httpx
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations
from pydantic import Field


def setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        sys.exit(f"{name} is not set")
    return value


VERSION = "1.6.0"
api = httpx.AsyncClient(
    base_url=setting("NOTES_API_BASE"),
    headers={"Authorization": f"Bearer {setting('NOTES_API_KEY')}", "User-Agent": f"notes-mcp/{VERSION}"},
    timeout=10,
)
server = MCPServer("notes", version=VERSION)

NoteId = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$", description="Id of the note")]


async def ask(method: str, path: str, **options) -> str:
    response = await api.request(method, path, **options)
    response.raise_for_status()
    return response.text or "done"


@server.tool(annotations=ToolAnnotations(read_only_hint=False))
async def create_note(
    title: Annotated[str, Field(min_length=1, max_length=200)],
    body: Annotated[str, Field(max_length=100_000)],
    tags: Annotated[list[str] | None, Field(max_length=10)] = None,
) -> str:
    """Create a note and return it."""
    note = {"title": title, "body": body}
    if tags:
        note["tags"] = tags
    return await ask("POST", "/v1/notes", json=note)


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def search_notes(
    query: Annotated[str, Field(min_length=1, max_length=200)],
    limit: Annotated[int, Field(ge=1, le=100)] = 10,
) -> str:
    """Find notes that contain some words."""
    return await ask("GET", "/v1/notes", params={"q": query, "limit": limit})


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def get_note(id: NoteId) -> str:
    """Return one note."""
    return await ask("GET", f"/v1/notes/{id}")


@server.tool(annotations=ToolAnnotations(read_only_hint=False, destructive_hint=True))
async def delete_note(id: NoteId) -> str:
    """Delete one note."""
    return await ask("DELETE", f"/v1/notes/{id}")


if __name__ == "__main__":
    server.run()
