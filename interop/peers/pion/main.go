// A peer on Pion 3 (Debian's package). The commands are described in ../README.md.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc"
)

const waitingMax = 1 << 20

type command struct {
	Do, Type, SDP, What, Label string
	Text                       *string
	Restart                    bool
	Bytes, Size                int
	Options                    options
}

// The W3C's RTCDataChannelInit.
type options struct {
	Ordered, Negotiated               *bool
	MaxRetransmits, MaxPacketLifeTime *uint16
	Protocol                          *string
	ID                                *uint16
}

type peer struct {
	connection *webrtc.PeerConnection
	channel    *webrtc.DataChannel
	others     sync.Map
	received   hash.Hash
	bytes      int
}

var output sync.Mutex

func say(event map[string]interface{}) {
	line, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(line))
}

func (p *peer) useOther(channel *webrtc.DataChannel) {
	label := channel.Label()
	p.others.Store(label, channel)
	channel.OnOpen(func() {
		say(map[string]interface{}{
			"is": "opened", "label": label, "ordered": channel.Ordered(), "protocol": channel.Protocol(),
			"maxRetransmits": channel.MaxRetransmits(), "maxPacketLifeTime": channel.MaxPacketLifeTime(),
		})
	})
	channel.OnClose(func() { say(map[string]interface{}{"is": "shut", "label": label}) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		kind, digest := "binary", sha256.Sum256(message.Data)
		if message.IsString {
			kind = "text"
		}
		say(map[string]interface{}{
			"is": "said", "label": label, "kind": kind, "bytes": len(message.Data), "sha256": hex.EncodeToString(digest[:]),
		})
	})
}

func (p *peer) use(channel *webrtc.DataChannel) {
	if channel.Label() != "interop" {
		p.useOther(channel)
		return
	}
	p.channel = channel
	channel.OnOpen(func() { say(map[string]interface{}{"is": "open"}) })
	channel.OnClose(func() { say(map[string]interface{}{"is": "closed"}) })
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		text := string(message.Data)
		switch {
		case !message.IsString:
			p.received.Write(message.Data)
			p.bytes += len(message.Data)
		case strings.HasPrefix(text, "sha256:"):
			digest := hex.EncodeToString(p.received.Sum(nil))
			say(map[string]interface{}{"is": "received", "bytes": p.bytes, "sha256": digest, "claimed": text[7:]})
			p.received.Reset()
			p.bytes = 0
		default:
			say(map[string]interface{}{"is": "text", "text": text})
		}
	})
}

func (p *peer) setLocal(description webrtc.SessionDescription) error {
	gathered := webrtc.GatheringCompletePromise(p.connection)
	if err := p.connection.SetLocalDescription(description); err != nil {
		return err
	}
	<-gathered
	local := p.connection.LocalDescription()
	say(map[string]interface{}{"is": "description", "type": local.Type.String(), "sdp": local.SDP})
	return nil
}

func (p *peer) offer(restart bool) error {
	if p.channel == nil {
		channel, err := p.connection.CreateDataChannel("interop", nil)
		if err != nil {
			return err
		}
		p.use(channel)
	}
	offer, err := p.connection.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return err
	}
	return p.setLocal(offer)
}

func (p *peer) describe(kind, sdp string) error {
	description := webrtc.SessionDescription{Type: webrtc.NewSDPType(kind), SDP: sdp}
	if err := p.connection.SetRemoteDescription(description); err != nil || kind != "offer" {
		return err
	}
	answer, err := p.connection.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return p.setLocal(answer)
}

// The sequence from where x has brought it.
func sequence(x *uint32, length int) []byte {
	part := make([]byte, length)
	for index := range part {
		*x = *x*1664525 + 1013904223
		part[index] = byte(*x >> 24)
	}
	return part
}

func (p *peer) say(label string, text *string, bytes int) error {
	channel, ok := p.others.Load(label)
	if !ok {
		return fmt.Errorf("no channel %q", label)
	}
	if text != nil {
		return channel.(*webrtc.DataChannel).SendText(*text)
	}
	x := uint32(1)
	return channel.(*webrtc.DataChannel).Send(sequence(&x, bytes))
}

func (p *peer) make(label string, o options) error {
	channel, err := p.connection.CreateDataChannel(label, &webrtc.DataChannelInit{
		Ordered: o.Ordered, MaxRetransmits: o.MaxRetransmits, MaxPacketLifeTime: o.MaxPacketLifeTime,
		Protocol: o.Protocol, Negotiated: o.Negotiated, ID: o.ID,
	})
	if err == nil {
		p.useOther(channel)
	}
	return err
}

func (p *peer) shut(label string) error {
	channel, ok := p.others.Load(label)
	if !ok {
		return fmt.Errorf("no channel %q", label)
	}
	return channel.(*webrtc.DataChannel).Close()
}

func (p *peer) stream(total, size int) error {
	digest, x := sha256.New(), uint32(1)
	for sent := 0; sent < total; sent += size {
		length := size
		if total-sent < size {
			length = total - sent
		}
		part := sequence(&x, length)
		digest.Write(part)
		if err := p.channel.Send(part); err != nil {
			return err
		}
		for p.channel.BufferedAmount() > waitingMax {
			// The event for this does not come for a channel that the other side made.
			time.Sleep(2 * time.Millisecond)
		}
	}
	if err := p.channel.SendText("sha256:" + hex.EncodeToString(digest.Sum(nil))); err != nil {
		return err
	}
	say(map[string]interface{}{"is": "streamed"})
	return nil
}

func (p *peer) obey(c command) error {
	switch c.Do {
	case "offer":
		return p.offer(c.Restart)
	case "describe":
		return p.describe(c.Type, c.SDP)
	case "send":
		return p.channel.SendText(*c.Text)
	case "stream":
		return p.stream(c.Bytes, c.Size)
	case "close":
		if c.What == "channel" {
			return p.channel.Close()
		}
		return p.connection.Close()
	case "channel":
		return p.make(c.Label, c.Options)
	case "say":
		return p.say(c.Label, c.Text, c.Bytes)
	case "shut":
		return p.shut(c.Label)
	case "end":
		os.Exit(0)
	}
	return fmt.Errorf("unknown command %q", c.Do)
}

func main() {
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		panic(err)
	}
	p := &peer{connection: connection, received: sha256.New()}
	connection.OnDataChannel(p.use)
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		say(map[string]interface{}{"is": "state", "state": state.String()})
	})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			panic(err)
		}
		go func() {
			if err := p.obey(c); err != nil {
				say(map[string]interface{}{"is": "error", "message": err.Error()})
			}
		}()
	}
}
