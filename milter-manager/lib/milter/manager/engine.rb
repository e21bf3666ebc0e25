# frozen_string_literal: true

module Milter
  module Manager
    # What the C half calls: loading, asking, waking.  Everything runs on the
    # main thread; the fiber that called in is the event loop's.
    module Engine
      class << self
        # [configuration, message, ...]: no message means success.
        def load(directories)
          loader = Loader.new(directories)
          loader.run
          [loader.configuration, *loader.messages]
        end

        def seal(configuration)
          configuration.seal
          nil
        end
      end
    end
  end
end
