import { createServer, request as ask } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** What becomes of a request: it passes, its response is lost on the way back, or it never reaches the server. */
export type Fate = "passes" | "is lost" | "fails";

/** A gateway before the server, on which the network can go wrong in any browser. */
export interface Gateway {
  /** Its URL, without a slash at the end. */
  url: string;
  /** Decides about the request for this path; the request waits until it is decided. */
  decide(path: string): Fate | Promise<Fate>;
  /** Whether live streams are refused or forwarded. */
  streams: "refused" | "forwarded";
  /** How many requests for this path there were so far. */
  count(path: string): number;
  stop(): void;
}

/** Starts a gateway before the server with this URL. At first every request passes, and live streams are refused. */
export async function startGateway(to: string): Promise<Gateway> {
  const { hostname, port } = new URL(to);
  const asked: string[] = [];
  const open = new Set<Socket>();
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", to).pathname;
    asked.push(path);
    const fate = await gateway.decide(path);
    if (fate === "fails") return void request.socket.destroy();
    const onward = ask({ hostname, port, path: request.url, method: request.method, headers: request.headers }, (answer) => {
      if (fate === "is lost") return void answer.resume().on("end", () => request.socket.destroy());
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => request.socket.destroy());
    request.pipe(onward);
  });
  server.on("connection", (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
  });
  server.on("upgrade", (request, socket, head) => {
    if (gateway.streams === "refused") return void socket.destroy();
    const onward = connect(Number(port), hostname, () => {
      const headers = request.rawHeaders.map((part, n) => part + (n % 2 === 0 ? ": " : "\r\n")).join("");
      onward.write(`GET ${request.url} HTTP/1.1\r\n${headers}\r\n`);
      onward.write(head);
      socket.pipe(onward);
    });
    onward.pipe(socket);
    onward.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => onward.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const gateway: Gateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    decide: () => "passes",
    streams: "refused",
    count: (path) => asked.filter((one) => one === path).length,
    stop: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
  return gateway;
}
