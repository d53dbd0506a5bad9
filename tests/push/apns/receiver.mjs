// A push service of Apple for the tests: HTTP/2 by Node, which shares no code with the server. Its argument sets its
// behaviour, lines of JSON on its input set its responses, and lines of JSON on its output report the requests.
import { createPublicKey, verify } from "node:crypto";
import http2 from "node:http2";
import { createInterface } from "node:readline";

const { publicKey, streams, raisedTo, away, key, cert } = JSON.parse(process.argv[2]);
const publicKeyOfTeam = createPublicKey(publicKey);
const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);

// The next responses to a device, by its token; "*" is every device.
const answers = new Map();
let sessions = 0;
let goneAway = 0;

function claimsOf(authorization) {
    const [head, claims, signature] = (authorization ?? "").replace(/^bearer /, "").split(".");
    if (!signature) return null;
    const read = (part) => JSON.parse(Buffer.from(part, "base64url").toString());
    const isSigned = verify(
        "sha256",
        Buffer.from(`${head}.${claims}`),
        { key: publicKeyOfTeam, dsaEncoding: "ieee-p1363" },
        Buffer.from(signature, "base64url"),
    );
    return isSigned ? { ...read(head), ...read(claims) } : null;
}

function answer({ session, stream, headers, body }) {
    const token = headers[":path"].split("/").pop();
    const queue = [answers.get(token), answers.get("*")].find((all) => all?.length);
    const next = queue?.shift() ?? { status: 200 };
    const told = { session, path: headers[":path"], headers, bytes: body.length, body: body.toString() };
    say({ is: "request", ...told, claims: claimsOf(headers.authorization) });
    if (next.cut) {
        stream.session.destroy();
        return;
    }
    stream.respond({ ":status": next.status, "apns-id": headers["apns-id"], ...next.headers });
    stream.end(next.body);
}

const settings = streams ? { maxConcurrentStreams: streams } : {};
const server = key ? http2.createSecureServer({ key, cert, settings }) : http2.createServer({ settings });

server.on("session", (session) => {
    const number = ++sessions;
    // The requests that wait for a response, the oldest first, if this connection is to be closed in between.
    let waiting = away && goneAway < away.times ? [] : null;
    // The last stream that is processed, once the connection is closing.
    let last = Infinity;
    let open = 0;
    let most = 0;
    say({ is: "connection" });
    session.on("error", () => {});
    session.on("ping", () => say({ is: "ping" }));
    session.on("stream", (stream, headers) => {
        most = Math.max(most, ++open);
        say({ is: "open", session: number, most });
        stream.on("error", () => {});
        stream.on("close", () => open--);
        const chunks = [];
        stream.on("data", (chunk) => chunks.push(chunk));
        stream.on("end", () => {
            if (stream.id > last) return;
            const request = { session: number, stream, headers, body: Buffer.concat(chunks) };
            if (!waiting) {
                answer(request);
                if (raisedTo && !session.isRaised) {
                    session.isRaised = true;
                    session.settings({ maxConcurrentStreams: raisedTo });
                }
                return;
            }
            waiting.push(request);
            if (waiting.length < away.at) return;
            waiting.sort((one, other) => one.stream.id - other.stream.id);
            const taken = waiting.slice(0, away.keeps);
            last = taken.at(-1).stream.id;
            goneAway++;
            session.goaway(away.code, last, Buffer.from('{"reason":"Shutdown"}'));
            say({ is: "away", left: waiting.length - taken.length });
            waiting = null;
            taken.forEach(answer);
            setTimeout(() => session.destroy(), 200);
        });
    });
});

server.listen(0, "127.0.0.1", () => say({ is: "ready", port: server.address().port }));
createInterface({ input: process.stdin })
    .on("line", (line) => {
        for (const [token, all] of Object.entries(JSON.parse(line))) answers.set(token, all);
        say({ is: "told" });
    })
    .on("close", () => process.exit());
