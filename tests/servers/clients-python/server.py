"""The clients that servers written in Python use, each of which sends the same word to a host of
its own: one tool, which tells what each was answered."""
import asyncio
import json
import smtplib
import ssl
import sys
from email.message import EmailMessage

import aiohttp
import httpx
import requests
import websockets
from curl_cffi import requests as curl


def at(name):
    return f"https://{name}.client.example/in?via={name}"


def headers(name):
    return {"x-client": name}


def over_requests(word):
    body = {"client": "requests", "word": word}
    return str(requests.post(at("requests"), json=body, headers=headers("requests"), timeout=20).status_code)


def over_httpx(word):
    body = {"client": "httpx", "word": word}
    return str(httpx.post(at("httpx"), json=body, headers=headers("httpx"), timeout=20).status_code)


async def over_aiohttp(word):
    body = {"client": "aiohttp", "word": word}
    async with aiohttp.ClientSession() as session:
        async with session.post(at("aiohttp"), json=body, headers=headers("aiohttp")) as answer:
            return str(answer.status)


async def over_websockets(word):
    where = "wss://websockets.client.example/live"
    async with websockets.connect(where, additional_headers=headers("websockets")) as socket:
        await socket.send(json.dumps({"client": "websockets", "word": word}))
        return await socket.recv()


def over_curl(word):
    """HTTP/3 where that is to be had."""
    body = {"client": "curl-cffi", "word": word}
    answer = curl.post(at("curl-cffi"), json=body, headers=headers("curl-cffi"), http_version="v3", timeout=20)
    return str(answer.status_code)


def over_smtplib(word):
    mail = EmailMessage()
    mail["From"] = "alex@corp.example"
    mail["To"] = "jane@partner.example"
    mail["Subject"] = "A note"
    mail.set_content(word)
    with smtplib.SMTP("smtplib.client.example", 587, timeout=20) as server:
        server.starttls(context=ssl.create_default_context())
        server.login("alex", "open-door")
        server.send_message(mail)
    return "sent"


def send(word):
    answers = {}
    for name, client in [
        ("requests", over_requests),
        ("httpx", over_httpx),
        ("aiohttp", over_aiohttp),
        ("websockets", over_websockets),
        ("curl-cffi", over_curl),
        ("smtplib", over_smtplib),
    ]:
        try:
            answer = client(word)
            answers[name] = asyncio.run(answer) if asyncio.iscoroutine(answer) else answer
        except Exception as e:
            answers[name] = f"{type(e).__name__}: {e}"
    return answers


def answer(message, **more):
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **more}), flush=True)


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    match message["method"]:
        case "initialize":
            answer(message, result={
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "clients-python", "version": "1"},
            })
        case "tools/list":
            schema = {"type": "object", "properties": {"word": {"type": "string", "minLength": 12}}, "required": ["word"]}
            answer(message, result={"tools": [{"name": "send", "inputSchema": schema}]})
        case "tools/call":
            text = json.dumps(send(message["params"]["arguments"]["word"]))
            answer(message, result={"content": [{"type": "text", "text": text}]})
        case _:
            answer(message, error={"code": -32601, "message": "no such method"})
