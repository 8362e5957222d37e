// The connection to the server: messages in and out, and a new one when it breaks.

const RETRY_MS = [300, 1000, 2000, 4000];
const TYPES = { float32: Float32Array, uint8: Uint8Array };

/** A message of the server: its header, and its arrays as typed arrays. See wire.py. */
export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  const header = JSON.parse(text);
  const arrays = {};
  for (const [name, { dtype, shape, at }] of Object.entries(header.arrays)) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = new TYPES[dtype](buffer, 4 + length + at, count);
  }
  return { ...header, arrays };
}

/** A file with a header before it. */
export function packFile(header, content) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, text.length, true);
  return new Blob([length.buffer, text, content]);
}

/**
 * Keeps a socket open. `on.message(header and arrays)`, `on.open()`, `on.lost()`.
 * The token of the page's address goes with it (a frame has no cookie), and out of the address.
 */
export function connect(on) {
  const token = new URLSearchParams(location.search).get("token");
  if (location.search && window === window.top) history.replaceState(null, "", location.pathname);
  const address = new URL("socket", location.href);
  address.protocol = "ws:";
  address.search = token ? `token=${encodeURIComponent(token)}` : "";
  let socket, tries = 0;

  function open() {
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { tries = 0; on.open(); };
    socket.onmessage = (event) => on.message(unpack(event.data));
    socket.onclose = (event) => {
      on.lost(event.code);
      setTimeout(open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
    };
  }
  open();
  return {
    send(message) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(message instanceof Blob ? message : JSON.stringify(message));
      return true;
    },
  };
}
