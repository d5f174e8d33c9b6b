package simulate

// situation is one of what sync engines are known to get wrong.
type situation struct {
	name string
	what string
	how  string // a history knows that it was there
	out  string // why none comes there; empty: some do
}

// situations are all of them.
var situations = [...]situation{
	{name: "S1", what: "a resource has another name", how: "the plan keeps the object's id and has its new name"},
	{name: "S2", what: "the same, and that the old name is gone is told later", how: "a resource was taken for a twin, and then the first went"},
	{name: "S3", what: "an event moves to another calendar of the account", how: "it was moved, and at rest is held there and no more here. The link between the two is not built: they are a deletion and a creation"},
	{name: "S4", what: "another UID under the same name", how: "the plan deletes one object and creates the other"},
	{name: "S5", what: "two resources of one UID", how: "notice uid_duplicate"},
	{name: "S6", what: "a token is not known any more", how: "a report with a token was refused, and the complete answer after it had news"},
	{name: "S7", what: "a token that never moves, or moves without news", how: "the server told again what was known, and nothing changed"},
	{name: "S8", what: "the server's history has lost rows", how: "it had, and a complete listing had news"},
	{name: "S9 page", what: "a listing in parts", how: "a part that is not the last was applied"},
	{name: "S9 body", what: "an answer that ends too soon", how: "the reader came to the cut"},
	{name: "S10", what: "a calendar is gone", how: "at rest the remote lists it no more, and its objects are held"},
	{name: "S11", what: "a calendar is made anew under its old name", how: "it was, and then pulled"},
	{name: "S12", what: "a calendar becomes read-only, and then writable", how: "an edit was refused as such, and the remote took it later"},
	{name: "S13", what: "credentials are revoked", how: "the account was locked when a person resumed it"},
	{name: "S14", what: "credentials of somebody else", out: "decided by the command that stores credentials, before a sync; tested in cmd/calbridge"},
	{name: "S15", what: "the server does not check preconditions", how: "a write replaced words that were never read. Probes for it are not built"},
	{name: "S16", what: "weak etags", how: "a write on a version with one was answered"},
	{name: "S17", what: "the server rewrites what it is given", how: "a write was read back from such a server"},
	{name: "S18", what: "the same, and the etag of the answer lies", how: "a write was read back from such a server"},
	{name: "S19", what: "the server drops a property", how: "notice server_altered from such a server"},
	{name: "S20 create", what: "the answer to a create is lost", how: "its outcome was unknown, and a reading decided it"},
	{name: "S20 update", what: "the answer to an update is lost", how: "likewise"},
	{name: "S20 delete", what: "the answer to a DELETE is lost", how: "likewise"},
	{name: "S21 create", what: "a create arrives late", how: "it was delivered after it had been given up, and the server took it"},
	{name: "S21 update or delete", what: "another write arrives late", how: "likewise, and the server refused it"},
	{name: "S22", what: "a forged, doubled or reordered push notification", out: "nothing receives them yet"},
	{name: "S23", what: "the server's clock is wrong", how: "under such a clock a conflict was decided by newest-wins"},
	{name: "S24 turned away", what: "two processes sync one account", how: "one found the lease taken"},
	{name: "S24 fenced", what: "a process that stood still too long", how: "it found that another had taken over"},
	{name: "S25", what: "a process dies after its write was carried out", how: "it did, and a reading decided what had been written"},
	{name: "S26", what: "a process dies before its write left", how: "likewise"},
	{name: "S27", what: "a process dies between an answer and its transaction", how: "it stood there when it died"},
	{name: "S28", what: "a process dies between two parts of a listing", how: "it stood there when it died"},
	{name: "S29", what: "a process dies inside a write of several requests", out: "there is none: exceptions of a Google series are objects of their own, and each write is one request"},
	{name: "S30", what: "the server is restored from a backup", how: "it was, and both sides were asked to be alike at rest. Nothing but the guard asks a person: there are no canaries"},
	{name: "S31", what: "the same, and etags come again", how: "likewise; the server counts, or takes the second"},
	{name: "S32", what: "a complete listing is empty by a fault", how: "it was, objects were held, and none was deleted"},
	{name: "S33", what: "nothing but the etag is new", how: "content equal to what is held was seen, of our own or under a new etag"},
	{name: "S34", what: "one side edits a series, the other an instance", how: "the words of the three versions say so"},
	{name: "S35", what: "an answer to an invitation meets a new time", how: "the three versions say so"},
	{name: "S36", what: "nothing but SEQUENCE is new", how: "somebody raised it, and the object was seen with equal content"},
	{name: "S37", what: "a resource is hidden from the account", how: "it was, and the object was decided as gone"},
	{name: "S38", what: "a deleted object is there again", how: "notice reappeared"},
	{name: "S39", what: "a deleted UID cannot be used again", how: "the trash bin refused a create"},
	{name: "S40", what: "an id belongs to a cancelled event", how: "an insert was 409, and the event of that id is cancelled"},
	{name: "S41", what: "an object that nobody can read", how: "it was stored as it is"},
}
