// Stands in for the native WebRTC binding, which comes from outside the registry: TCP needs none.
class Absent {
  constructor() {
    throw new Error("WebRTC is left out of these tests");
  }
}

export { Absent as RTCIceCandidate, Absent as RTCPeerConnection, Absent as RTCSessionDescription };
