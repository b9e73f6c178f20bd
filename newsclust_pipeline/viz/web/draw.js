// Draws dots on a canvas: with WebGL, or with the 2D context where WebGL is not available.

const VERTEX = `#version 300 es
in vec2 position;
in float size;
in vec4 colour;
uniform vec2 centre;
uniform vec2 ratio;
uniform float pixels;
out vec4 fill;
out float diameter;
void main() {
  gl_Position = vec4((position - centre) * ratio, 0.0, 1.0);
  diameter = size * pixels;
  gl_PointSize = diameter + 1.0;
  fill = colour;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 fill;
in float diameter;
uniform vec3 rim;
out vec4 result;
void main() {
  float edge = diameter * 0.5 - length(gl_PointCoord - 0.5) * (diameter + 1.0);
  float inside = smoothstep(-0.5, 0.5, edge);
  float core = diameter < 5.0 ? 1.0 : smoothstep(0.4, 1.4, edge);
  float alpha = fill.a * inside;
  result = vec4(mix(rim, fill.rgb, core) * alpha, alpha);
}`;

/**
 * @typedef {object} Dots
 * @property {Float32Array} x
 * @property {Float32Array} y
 * @property {Float32Array} sizes diameters in CSS pixels
 * @property {Uint8Array} colours RGBA per row
 * @property {Uint32Array} order rows to draw, the last on top
 * @property {[number, number, number]} rim colour around each dot, 0 to 255
 */

/**
 * Returns a function that draws dots, and which way it draws them.
 * @param {HTMLCanvasElement} canvas
 */
export function createDrawing(canvas) {
  const options = { antialias: false, preserveDrawingBuffer: true, powerPreference: "high-performance" };
  const gl = canvas.getContext("webgl2", options);
  return gl ? drawingByWebGL(/** @type {WebGL2RenderingContext} */ (gl)) : drawingBy2D(canvas);
}

/** @param {WebGL2RenderingContext} gl */
function drawingByWebGL(gl) {
  let parts = prepare(gl);
  // After a context is lost (a sleeping laptop, a driver update) everything is made again.
  gl.canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  gl.canvas.addEventListener("webglcontextrestored", () => {
    parts = prepare(gl);
    drawing.onRestored?.();
  });
  const drawing = {
    kind: "webgl",
    /** @type {(() => void) | null} */
    onRestored: null,
    /** @param {Dots} dots */
    setPositions({ x, y, sizes }) {
      const values = new Float32Array(x.length * 3);
      for (let row = 0; row < x.length; row += 1) values.set([x[row], y[row], sizes[row]], row * 3);
      gl.bindBuffer(gl.ARRAY_BUFFER, parts.positions);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    },
    /** @param {Dots} dots */
    setColours({ colours, order }) {
      gl.bindBuffer(gl.ARRAY_BUFFER, parts.colours);
      gl.bufferData(gl.ARRAY_BUFFER, colours, gl.DYNAMIC_DRAW);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, parts.order);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
    },
    /**
     * @param {Dots} dots @param {import("./types").View} view @param {number} ratio device pixels
     * @param {number} factor of the dots' size
     */
    draw({ order, rim }, view, ratio, factor) {
      const { width, height } = gl.canvas;
      gl.viewport(0, 0, width, height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(parts.uniform("centre"), view.x, view.y);
      gl.uniform2f(parts.uniform("ratio"), (2 * ratio) / (view.scale * width), (2 * ratio) / (view.scale * height));
      gl.uniform1f(parts.uniform("pixels"), ratio * factor);
      gl.uniform3f(parts.uniform("rim"), rim[0] / 255, rim[1] / 255, rim[2] / 255);
      gl.drawElements(gl.POINTS, order.length, gl.UNSIGNED_INT, 0);
    },
  };
  return drawing;
}

/** @param {WebGL2RenderingContext} gl */
function prepare(gl) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  for (const [kind, source] of /** @type {[number, string][]} */ ([
    [gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT],
  ])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(kind));
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  gl.bindVertexArray(gl.createVertexArray());
  const [positions, colours, order] = [gl.createBuffer(), gl.createBuffer(), gl.createBuffer()];
  const attribute = (/** @type {string} */ name, /** @type {(at: number) => void} */ point) => {
    const at = gl.getAttribLocation(program, name);
    gl.enableVertexAttribArray(at);
    point(at);
  };
  gl.bindBuffer(gl.ARRAY_BUFFER, positions);
  attribute("position", (at) => gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 12, 0));
  attribute("size", (at) => gl.vertexAttribPointer(at, 1, gl.FLOAT, false, 12, 8));
  gl.bindBuffer(gl.ARRAY_BUFFER, colours);
  attribute("colour", (at) => gl.vertexAttribPointer(at, 4, gl.UNSIGNED_BYTE, true, 0, 0));
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order);
  /** @type {Map<string, WebGLUniformLocation | null>} */
  const uniforms = new Map();
  const uniform = (/** @type {string} */ name) => {
    if (!uniforms.has(name)) uniforms.set(name, gl.getUniformLocation(program, name));
    return uniforms.get(name) ?? null;
  };
  return { positions, colours, order, uniform };
}

/** @param {HTMLCanvasElement} canvas */
function drawingBy2D(canvas) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  return {
    kind: "2d",
    onRestored: null,
    setPositions() {},
    setColours() {},
    /**
     * @param {Dots} dots @param {import("./types").View} view @param {number} ratio
     * @param {number} factor
     */
    draw({ x, y, sizes, colours, order }, view, ratio, factor) {
      const { width, height } = canvas;
      context.clearRect(0, 0, width, height);
      for (const row of order) {
        const px = ((x[row] - view.x) / view.scale) * ratio + width / 2;
        const py = ((view.y - y[row]) / view.scale) * ratio + height / 2;
        const radius = (sizes[row] * factor * ratio) / 2;
        if (px < -radius || py < -radius || px > width + radius || py > height + radius) continue;
        const at = row * 4;
        context.fillStyle = `rgba(${colours[at]}, ${colours[at + 1]}, ${colours[at + 2]}, ${colours[at + 3] / 255})`;
        context.beginPath();
        context.arc(px, py, radius, 0, 7);
        context.fill();
      }
    },
  };
}

const converter = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/**
 * Returns a CSS colour as RGBA, 0 to 255.
 * @param {string} colour
 * @returns {[number, number, number, number]}
 */
export function rgba(colour) {
  if (!converter) return [128, 128, 128, 255];
  converter.clearRect(0, 0, 1, 1);
  converter.fillStyle = colour;
  converter.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = converter.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, alpha];
}
