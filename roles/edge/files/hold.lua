-- Action "hold SECONDS": a request waits while the map says hold, and at most so long. HAProxy 3.0 has no action for it.
-- A client that gives up is noticed only then: its place counts until the time is over.
local map = Map.new(..., Map._str)

core.register_action("hold", { "http-req" }, function(_, seconds)
  local deadline = core.now().sec + tonumber(seconds)
  while map:lookup("maintenance") == "hold" and core.now().sec < deadline do
    core.msleep(100)
  end
end, 1)
