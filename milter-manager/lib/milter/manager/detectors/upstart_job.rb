# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # A job of upstart: a comment, "start on EVENT", "exec COMMAND".
      class UpstartJob
        def initialize(root, script)
          name = "/etc/event.d/#{script}"
          @found = root.file?(name)
          @lines = root.joined_lines(name)
        end

        def found? = @found

        def started? = @lines.any? { |line| line.text.match?(/\A\s*start\s+on\b/n) }

        # The first block of comment lines.
        def description
          block = @lines.map(&:text).drop_while { |text| !text.start_with?("#") }
                        .take_while { |text| text.start_with?("#") }
          text = block.map { |line| line.sub(/\A#+\s*/n, "").rstrip }.reject(&:empty?).join(" ")
          text unless text.empty?
        end

        def exec
          line = @lines.reverse.find { |one| one.text.match?(/\A\s*exec\s/n) } or return
          Fact.new(line.text.strip.sub(/\Aexec\s+/n, ""), line.place)
        end
      end
    end
  end
end
