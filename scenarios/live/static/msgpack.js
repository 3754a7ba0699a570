// MessagePack as the server sends it (https://github.com/msgpack/msgpack/blob/master/spec.md); no extensions.
const text = new TextDecoder();

export function decode(buffer) {
  const bytes = new Uint8Array(buffer);
  const view = new DataView(buffer);
  let at = 0;

  const unsigned = (size) => {
    const start = at;
    at += size;
    if (size === 1) return view.getUint8(start);
    if (size === 2) return view.getUint16(start);
    if (size === 4) return view.getUint32(start);
    return Number(view.getBigUint64(start));
  };
  const signed = (size) => {
    const start = at;
    at += size;
    if (size === 1) return view.getInt8(start);
    if (size === 2) return view.getInt16(start);
    if (size === 4) return view.getInt32(start);
    return Number(view.getBigInt64(start));
  };
  const taken = (length) => bytes.subarray(at, (at += length));
  const string = (length) => text.decode(taken(length));
  const list = (length) => Array.from({ length }, value);
  const map = (length) => {
    const found = {};
    for (let k = 0; k < length; k++) {
      const key = value();
      found[key] = value();
    }
    return found;
  };

  function value() {
    const tag = bytes[at++];
    if (tag < 0x80) return tag;
    if (tag < 0x90) return map(tag & 0x0f);
    if (tag < 0xa0) return list(tag & 0x0f);
    if (tag < 0xc0) return string(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return taken(unsigned(1));
      case 0xc5: return taken(unsigned(2));
      case 0xc6: return taken(unsigned(4));
      case 0xca: return view.getFloat32((at += 4) - 4);
      case 0xcb: return view.getFloat64((at += 8) - 8);
      case 0xcc: return unsigned(1);
      case 0xcd: return unsigned(2);
      case 0xce: return unsigned(4);
      case 0xcf: return unsigned(8);
      case 0xd0: return signed(1);
      case 0xd1: return signed(2);
      case 0xd2: return signed(4);
      case 0xd3: return signed(8);
      case 0xd9: return string(unsigned(1));
      case 0xda: return string(unsigned(2));
      case 0xdb: return string(unsigned(4));
      case 0xdc: return list(unsigned(2));
      case 0xdd: return list(unsigned(4));
      case 0xde: return map(unsigned(2));
      case 0xdf: return map(unsigned(4));
    }
    throw new Error(`byte ${tag} at ${at - 1} begins no MessagePack value`);
  }

  const found = value();
  if (at !== bytes.length) throw new Error(`${bytes.length - at} bytes too many`);
  return found;
}

// Bytes of little-endian numbers as an array of them; copied, since they may stand at any offset.
const array = (Type) => (data) => new Type(data.slice().buffer);
export const floats = array(Float32Array);
export const shorts = array(Uint16Array);
export const words = array(Uint32Array);
